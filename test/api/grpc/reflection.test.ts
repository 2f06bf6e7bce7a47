import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, type FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type ServerReflectionRequest,
} from "../../../src/api/grpc/generated/grpc/reflection/v1/reflection_pb.js";
import { encode, startCaikit, type TestServer } from "../../support/grpc.js";
import { ScriptedEngine } from "../../support/scripted-engine.js";

let server: TestServer;
beforeAll(async () => {
  server = await startCaikit(new ScriptedEngine());
});
afterAll(() => server.stop());

describe.each(["v1alpha", "v1"])("%s", (version) => {
  const ask = async (...questions: ServerReflectionRequest["messageRequest"][]) => {
    const requests = questions.map((messageRequest) =>
      encode(ServerReflectionRequestSchema, { host: "h", messageRequest }),
    );
    const method = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const { code, messages } = await server.client.callMany(method, requests);
    expect(code).toBe(status.OK);
    return messages.map((message) => fromBinary(ServerReflectionResponseSchema, message));
  };
  const symbol = (value: string) => ({ case: "fileContainingSymbol", value }) as const;
  const files = async (value: string): Promise<FileDescriptorProto[]> => {
    const [response] = await ask(symbol(value));
    expect(response?.messageResponse.case).toBe("fileDescriptorResponse");
    const { fileDescriptorProto } = response?.messageResponse.value as { fileDescriptorProto: Uint8Array[] };
    return fileDescriptorProto.map((file) => fromBinary(FileDescriptorProtoSchema, file));
  };

  test("lists the services in order, without health", async () => {
    const [response] = await ask({ case: "listServices", value: "*" });
    expect(response?.messageResponse.value).toMatchObject({
      service: [
        { name: "caikit.runtime.Nlp.NlpService" },
        { name: "caikit.runtime.info.InfoService" },
        { name: "grpc.reflection.v1.ServerReflection" },
        { name: "grpc.reflection.v1alpha.ServerReflection" },
        { name: "mmesh.ModelRuntime" },
      ],
    });
  });

  test.each([
    ["a service", "caikit.runtime.Nlp.NlpService", "caikit/runtime/nlp.proto"],
    ["a method", "caikit.runtime.Nlp.NlpService.TokenizationTaskPredict", "caikit/runtime/nlp.proto"],
    ["a message", "caikit_data_model.nlp.GeneratedTextResult", "caikit_data_model/nlp.proto"],
    ["a field", "caikit_data_model.nlp.GeneratedTextResult.finish_reason", "caikit_data_model/nlp.proto"],
    ["a oneof", "grpc.reflection.v1.ServerReflectionRequest.message_request", "grpc/reflection/v1/reflection.proto"],
    ["an enum", "caikit_data_model.nlp.FinishReason", "caikit_data_model/nlp.proto"],
    ["an enum value", "caikit_data_model.nlp.EOS_TOKEN", "caikit_data_model/nlp.proto"],
    ["a nested enum", "mmesh.RuntimeStatusResponse.Status", "mmesh/model_runtime.proto"],
    ["a value of a nested enum", "mmesh.RuntimeStatusResponse.READY", "mmesh/model_runtime.proto"],
    ["a nested message", "mmesh.RuntimeStatusResponse.MethodInfo", "mmesh/model_runtime.proto"],
    ["a dependency's message", "google.protobuf.Struct", "google/protobuf/struct.proto"],
    ["the health service, which is not listed", "grpc.health.v1.Health", "grpc/health/v1/health.proto"],
  ])("finds %s", async (_, name, file) => {
    expect((await files(name))[0]?.name).toBe(file);
  });

  test("sends a file with all that it imports, directly or not, each once", async () => {
    expect((await files("caikit.runtime.Nlp.NlpService")).map(({ name }) => name)).toEqual([
      "caikit/runtime/nlp.proto",
      "caikit_data_model/caikit_nlp.proto",
      "caikit_data_model/nlp.proto",
      "caikit_data_model/common.proto",
    ]);
  });

  test("answers by file name too", async () => {
    const [response] = await ask({ case: "fileByFilename", value: "caikit_data_model/common.proto" });
    expect(response?.messageResponse.case).toBe("fileDescriptorResponse");
  });

  test("serves no json_name, on which grpcurl's snake_case output rests", async () => {
    const descriptors = [
      ...(await files("caikit.runtime.Nlp.NlpService")),
      ...(await files("caikit.runtime.info.InfoService")),
      ...(await files("mmesh.ModelRuntime")),
    ];
    const messages = descriptors.flatMap(({ messageType }) =>
      messageType.flatMap((each) => [each, ...each.nestedType]),
    );
    const names = messages.flatMap(({ field }) => field.map(({ jsonName }) => jsonName));
    expect(names.length).toBeGreaterThan(80);
    expect(names.filter((name) => name !== "")).toEqual([]);
  });

  test("tells what it does not know in responses, and goes on answering", async () => {
    const notFound = { case: "errorResponse", value: { errorCode: 5, errorMessage: "not found" } };
    const responses = await ask(
      symbol("no.such.Thing"),
      symbol("caikit.runtime.Nlp"),
      { case: "fileByFilename", value: "no.proto" },
      { case: "allExtensionNumbersOfType", value: "no.such.Thing" },
      { case: undefined },
      { case: "allExtensionNumbersOfType", value: "caikit_data_model.nlp.Token" },
    );
    expect(responses.map(({ messageResponse }) => messageResponse)).toMatchObject([
      notFound,
      notFound,
      notFound,
      notFound,
      { case: "errorResponse", value: { errorCode: 3 } },
      {
        case: "allExtensionNumbersResponse",
        value: { baseTypeName: "caikit_data_model.nlp.Token", extensionNumber: [] },
      },
    ]);
  });

  test("echoes the host and the question", async () => {
    const question = symbol("no.such.Thing");
    expect(await ask(question)).toMatchObject([
      { validHost: "h", originalRequest: { host: "h", messageRequest: question } },
    ]);
  });
});
