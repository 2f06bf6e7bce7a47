import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ModelInfoRequestSchema,
  ModelInfoResponseSchema,
  RuntimeInfoResponseSchema,
} from "../../../src/api/grpc/generated/caikit_data_model/common/runtime_pb.js";
import * as mmesh from "../../../src/api/grpc/generated/mmesh/model_runtime_pb.js";
import { encode, only, startCaikit, type TestServer } from "../../support/grpc.js";
import { ScriptedEngine } from "../../support/scripted-engine.js";

const predict = "/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict";

let server: TestServer;
beforeEach(async () => {
  server = await startCaikit(new ScriptedEngine(), { runtimeVersion: "1.2.3" });
});
afterEach(() => server.stop());

describe("InfoService", () => {
  const models = async (...modelIds: string[]) =>
    server.client.call(
      "/caikit.runtime.info.InfoService/GetModelsInfo",
      encode(ModelInfoRequestSchema, { modelIds }),
      [],
    );

  test("tells the version it was given and the packages that dashboards look for", async () => {
    const answer = await server.client.call("/caikit.runtime.info.InfoService/GetRuntimeInfo", undefined, []);
    const { runtimeVersion, pythonPackages } = only(RuntimeInfoResponseSchema, answer);
    expect(runtimeVersion).toBe("1.2.3");
    expect(Object.keys(pythonPackages)).toEqual(["caikit", "caikit_health_probe", "caikit_nlp", "caikit_tgis_backend"]);
  });

  test("tells all that clients require of the model", async () => {
    expect(only(ModelInfoResponseSchema, await models()).models).toMatchObject([
      {
        modelPath: "/models/micro-gpt2",
        name: "micro-gpt2",
        size: 4711n,
        metadata: {},
        moduleId: "f9181353-4ccf-4572-bd1e-f12bcda26792",
        moduleMetadata: { name: "Text Generation", version: "0.1.0" },
        loaded: true,
      },
    ]);
  });

  test("lists every id that a request has used, and those asked for in their order", async () => {
    await server.client.call(predict, undefined, [["mm-model-id", "other"]]);
    const names = async (...ids: string[]) =>
      only(ModelInfoResponseSchema, await models(...ids)).models.map(({ name }) => name);
    expect(await names()).toEqual(["micro-gpt2", "other"]);
    expect(await names("other", "micro-gpt2")).toEqual(["other", "micro-gpt2"]);
  });

  test("does not know an id that was never used", async () => {
    expect(await models("micro-gpt2", "nope")).toMatchObject({
      code: status.NOT_FOUND,
      details: "Model nope is not loaded",
      messages: [],
    });
  });
});

describe("ModelRuntime", () => {
  const call = async (method: string, request?: Uint8Array) =>
    server.client.call(`/mmesh.ModelRuntime/${method}`, request, []);
  const load = async (modelId: string) => call("loadModel", encode(mmesh.LoadModelRequestSchema, { modelId }));
  const size = async (modelId: string) => call("modelSize", encode(mmesh.ModelSizeRequestSchema, { modelId }));
  const unload = async (modelId: string) => call("unloadModel", encode(mmesh.UnloadModelRequestSchema, { modelId }));
  const predictSize = async (modelPath: string) =>
    call("predictModelSize", encode(mmesh.PredictModelSizeRequestSchema, { modelId: "m", modelPath }));

  test("is ready, with the original's limits, in its bytes", async () => {
    const { messages } = await call("runtimeStatus");
    expect(messages.map((message) => message.toString("hex"))).toEqual([
      "0801108080808028180220a8b107288080800932047265616c4801",
    ]);
  });

  test("loads any id, again too, and knows its size until it is unloaded", async () => {
    const loaded = { sizeInBytes: 4711n, maxConcurrency: 2 };
    expect(only(mmesh.LoadModelResponseSchema, await load("m"))).toMatchObject(loaded);
    expect(only(mmesh.LoadModelResponseSchema, await load("m"))).toMatchObject(loaded);
    expect(only(mmesh.ModelSizeResponseSchema, await size("m"))).toMatchObject({ sizeInBytes: 4711n });
    expect(await unload("m")).toMatchObject({ code: status.OK, messages: [Buffer.of()] });
    expect(await size("m")).toMatchObject({
      code: status.NOT_FOUND,
      details: "Unable to retrieve the size of model 'm'; it is unregistered or unloaded.",
    });
  });

  test("keeps the served model when it is told to unload it", async () => {
    expect(await unload("micro-gpt2")).toMatchObject({ code: status.OK });
    expect(await size("micro-gpt2")).toMatchObject({ code: status.OK });
  });

  test("refuses to load a model without an id", async () => {
    expect(await load("")).toMatchObject({ code: status.UNKNOWN });
  });

  test("predicts the size of the served model's folder, and opens no other", async () => {
    expect(only(mmesh.PredictModelSizeResponseSchema, await predictSize("/models/micro-gpt2")).sizeInBytes).toBe(4711n);
    expect(await predictSize("/etc")).toMatchObject({
      code: status.NOT_FOUND,
      details: "Failed to estimate size of model 'm',file '/etc' not found",
    });
  });
});
