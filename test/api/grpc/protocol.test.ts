import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { InternalError } from "../../../src/errors.js";
import { TextGenerationTaskRequestSchema } from "../../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import { encode, modelId, startCaikit, type TestServer } from "../../support/grpc.js";
import { failing, hello, playing, ScriptedEngine } from "../../support/scripted-engine.js";
import { settled } from "../../support/settled.js";

const predict = "/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict";
const predictStream = "/caikit.runtime.Nlp.NlpService/ServerStreamingTextGenerationTaskPredict";

let engine: ScriptedEngine;
let server: TestServer;

beforeEach(async () => {
  engine = new ScriptedEngine();
  server = await startCaikit(engine);
});
afterEach(() => server.stop());

test.each(["/caikit.runtime.Nlp.NlpService/NopePredict", "/no.such.Service/Method", "/nope"])(
  "answers the unknown method %s in the original's words",
  async (method) => {
    expect(await server.client.call(method)).toMatchObject({
      code: status.UNIMPLEMENTED,
      details: "Method not found!",
      messages: [],
    });
  },
);

test.each([predict, predictStream])(
  "answers undecodable bytes to %s in gRPC's words, and asks no engine",
  async (method) => {
    expect(await server.client.call(method, Buffer.from("ffff", "hex"))).toMatchObject({
      code: status.INTERNAL,
      details: "Exception deserializing request!",
    });
    expect(engine.requests).toEqual([]);
  },
);

test("looks at the model id before it decodes the request", async () => {
  expect(await server.client.call(predict, Buffer.from("ffff", "hex"), [])).toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: "Missing required model ID",
  });
});

test("answers a bidirectional call with undecodable bytes with a status too", async () => {
  const method = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  expect(await server.client.callMany(method, [Buffer.from("ffff", "hex")])).toMatchObject({
    code: status.INTERNAL,
    details: "Exception deserializing request!",
  });
});

test("refuses a request of more than 4 MiB, and takes one just below", async () => {
  const request = (bytes: number) => encode(TextGenerationTaskRequestSchema, { text: "x".repeat(bytes) });
  expect(await server.client.call(predict, request(4 * 1024 * 1024))).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
  });
  expect(await server.client.call(predict, request(4 * 1024 * 1024 - 16))).toMatchObject({ code: status.OK });
});

test("sends no text with a success, and no metadata of its own", async () => {
  expect(await server.client.call(predict)).toMatchObject({ code: status.OK, details: "", trailers: {} });
});

test("cuts a text that quotes the request before it is too long for a header, and between characters", async () => {
  const request = { text: "p", decodingMethod: "🐳".repeat(200_000) };
  const answer = await server.client.call(predict, encode(TextGenerationTaskRequestSchema, request));
  expect(answer.code).toBe(status.INVALID_ARGUMENT);
  expect(answer.details).toMatch(/^value check failed: Decoding method \[(🐳)+\.\.\.$/u);
  expect(answer.details.length).toBeLessThan(2010);
});

test.each([
  ["as far as a timer reaches", 24],
  ["in a month, which wraps to the past in 32 bits of milliseconds", 30],
  ["in 10 years", 3650],
])("takes a deadline %s for what it is", async (_, days) => {
  const warnings = vi.spyOn(process, "emitWarning");
  engine.script = async function* (request, signal) {
    await settled(() => signal.aborted); // time for a deadline that is wrong to pass
    yield* playing(hello)(request, signal);
  };
  const deadline = Date.now() + days * 86_400_000;
  const answer = await server.client.call(predict, undefined, modelId, { deadline });
  expect(answer).toMatchObject({ code: status.OK });
  expect(warnings).not.toHaveBeenCalled();
});

test.each([
  ["an internal error", new InternalError("secret detail")],
  ["a foreign error", new TypeError("secret detail")],
  ["something thrown that is no error", "secret detail"],
])("tells of %s only a request id, under which the log has the cause", async (_, error) => {
  engine.script = failing(error);
  const answer = await server.client.call(predict);
  const { line, fields } = server.logged.at(-1) ?? { line: "", fields: {} };
  expect(answer.code).toBe(status.INTERNAL);
  expect(answer.details).toBe(`internal error (request id ${String(fields["requestId"])})`);
  expect(fields["requestId"]).toMatch(/^[0-9a-f-]{36}$/);
  expect(fields["error"]).toBe(error);
  expect(line).toBe("error call failed");
});
