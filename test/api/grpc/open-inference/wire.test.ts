/** The protocol's field numbers, written by hand: what a client that never saw our proto sends and reads. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { complete } from "../../../support/engine.js";
import { startInference, type InferenceServer } from "./server.js";

let server: InferenceServer;
beforeAll(async () => {
  server = await startInference();
});
afterAll(async () => server.stop());

const call = async (method: string, ...fields: Uint8Array[]) =>
  server.client.call(`/inference.GRPCInferenceService/${method}`, Buffer.concat(fields));
const hexOf = async (method: string, ...fields: Uint8Array[]) =>
  (await call(method, ...fields)).messages.map((message) => message.toString("hex"));

const bytes = (number: number, ...parts: Uint8Array[]) =>
  new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(Buffer.concat(parts)).finish();
const text = (number: number, value: string) => bytes(number, Buffer.from(value));
const int64 = (number: number, value: number) => new BinaryWriter().tag(number, WireType.Varint).int64(value).finish();
const double = (number: number, value: number) => new BinaryWriter().tag(number, WireType.Bit64).double(value).finish();
/** An entry of ModelInferRequest.parameters. */
const parameter = (name: string, value: Uint8Array) => bytes(4, text(1, name), bytes(2, value));

const hex = (value: string) => Buffer.from(value).toString("hex");

test("the server lives, is ready, and so is its model", async () => {
  expect(await hexOf("ServerLive")).toEqual(["0801"]);
  expect(await hexOf("ServerReady")).toEqual(["0801"]);
  expect(await hexOf("ModelReady", text(1, "tiny"))).toEqual(["0801"]);
});

test("health knows the service by its name", async () => {
  const { messages } = await server.client.call(
    "/grpc.health.v1.Health/Check",
    text(1, "inference.GRPCInferenceService"),
  );
  expect(messages).toEqual([Buffer.of(8, 1)]);
});

test("the server tells name, version and extensions", async () => {
  expect(await hexOf("ServerMetadata")).toEqual([
    `0a06${hex("ortler")}` + `1201${hex("1")}` + `1a08${hex("generate")}`,
  ]);
});

test("the model tells name, platform and tensors", async () => {
  const any = "1a0a" + "ffffffffffffffffff01"; // shape [-1], packed
  expect(await hexOf("ModelMetadata", text(1, "tiny"))).toEqual([
    `0a04${hex("tiny")}` +
      `1a0b${hex("onnxruntime")}` +
      `221f0a0a${hex("text_input")}1205${hex("BYTES")}${any}` +
      `2a200a0b${hex("text_output")}1205${hex("BYTES")}${any}` +
      `2a220a0d${hex("finish_reason")}1205${hex("BYTES")}${any}` +
      `2a230a0d${hex("prompt_tokens")}1206${hex("UINT32")}${any}` +
      `2a270a11${hex("completion_tokens")}1206${hex("UINT32")}${any}`,
  ]);
});

describe("infer", () => {
  const prompts = ["Once upon a time", "In the beginning"];
  const head = [text(1, "prompt"), text(2, "BYTES"), int64(3, 2)];
  const contents = bytes(5, ...prompts.map((prompt) => text(8, prompt)));
  const raw = bytes(7, ...prompts.map((prompt) => Buffer.concat([Buffer.of(16, 0, 0, 0), Buffer.from(prompt)])));

  test.each([
    ["contents", [bytes(5, ...head, contents)]],
    ["raw contents", [bytes(5, ...head), raw]],
  ])("makes the engine's texts of %s", async (_, input) => {
    const { code, messages } = await call(
      "ModelInfer",
      text(1, "tiny"),
      text(3, "id-1"),
      parameter("temperature", double(4, 0)),
      parameter("max_tokens", int64(2, 8)),
      ...input,
      bytes(6, text(1, "text_output")),
      bytes(6, text(1, "completion_tokens")),
    );
    expect([code, messages.length]).toEqual([status.OK, 1]);
    const texts = await Promise.all(
      prompts.map(async (prompt) => (await complete(server.engine, { prompt, maxNewTokens: 8 })).text),
    );
    const textOutput = [
      text(1, "text_output"),
      text(2, "BYTES"),
      bytes(3, Buffer.of(2)),
      bytes(5, ...texts.map((each) => text(8, each))),
    ];
    const tokensOutput = [
      text(1, "completion_tokens"),
      text(2, "UINT32"),
      bytes(3, Buffer.of(2)),
      bytes(5, bytes(4, Buffer.of(8, 8))),
    ];
    const expected = [text(1, "tiny"), text(3, "id-1"), bytes(5, ...textOutput), bytes(5, ...tokensOutput)];
    expect(messages[0]?.toString("hex")).toBe(Buffer.concat(expected).toString("hex"));
  });

  const refused = "parameters.temperature must be a number in [0, infinity), got";
  const taken = "inputs must be an array of 1 to 1 items, got 0"; // so that the missing input is refused instead
  test.each([
    ["bool_param", new BinaryWriter().tag(1, WireType.Varint).bool(true).finish(), `${refused} true`],
    ["int64_param", int64(2, -7), `${refused} -7`],
    ["string_param", text(3, "warm"), `${refused} "warm"`],
    ["double_param", double(4, -0.5), `${refused} -0.5`],
    ["uint64_param", int64(5, 9), taken],
  ])("reads %s", async (_, value, details) => {
    const answer = await call("ModelInfer", text(1, "tiny"), parameter("temperature", value));
    expect(answer).toMatchObject({ code: status.INVALID_ARGUMENT, details });
  });
});

describe.each(["ModelReady", "ModelMetadata", "ModelInfer"])("%s", (method) => {
  test("knows no other model", async () => {
    expect(await call(method, text(1, "other"))).toMatchObject({
      code: status.NOT_FOUND,
      details: 'model "other" is not found: this server has "tiny"',
    });
  });

  test("knows no versions", async () => {
    expect(await call(method, text(1, "tiny"), text(2, "7"))).toMatchObject({
      code: status.UNIMPLEMENTED,
      details: 'model versions are not supported, got version "7"',
    });
  });
});
