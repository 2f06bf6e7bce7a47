import { afterEach, beforeEach, expect, test } from "vitest";
import { connect } from "node:http2";
import { TextGenerationTaskRequestSchema } from "../../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import { encode, startCaikit, modelId, type TestServer } from "../../support/grpc.js";
import { ScriptedEngine, hanging } from "../../support/scripted-engine.js";
const predict = "/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict";
let server: TestServer;
let engine: ScriptedEngine;
beforeEach(async () => { engine = new ScriptedEngine(); server = await startCaikit(engine); });
afterEach(() => server.stop());
test.each([1000, 10_000, 20_000, 60_000, 200_000, 1_000_000])("long %d", async (n) => {
  const answer = await server.client.call(predict, encode(TextGenerationTaskRequestSchema, { text: "p", decodingMethod: "x".repeat(n) }));
  console.log(n, answer.code, answer.details.slice(0, 150), answer.details.length);
  const next = await server.client.call(predict, encode(TextGenerationTaskRequestSchema, { text: "p" }));
  console.log("next", next.code, next.details);
});
test("newline", async () => {
  const answer = await server.client.call(predict, encode(TextGenerationTaskRequestSchema, { text: "p", decodingMethod: "é\n%41\u0000 ok" }));
  console.log(answer.code, JSON.stringify(answer.details));
});
test("deadline", async () => {
  for (const days of [1, 20, 26, 49, 60, 400]) {
    const answer = await server.client.call(predict, encode(TextGenerationTaskRequestSchema, { text: "p" }), modelId, { deadline: Date.now() + days*86400_000 });
    console.log(days, answer.code, answer.details);
  }
});
