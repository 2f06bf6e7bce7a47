/** The smoke calls of Caikit's demos, made as grpcurl makes them. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestServer, type EngineServer } from "../../support/grpc.js";
import { grpcurl } from "../../support/grpcurl.js";

const service = "caikit.runtime.Nlp.NlpService";

let server: EngineServer;
beforeAll(async () => {
  server = await startTestServer("models/tiny", {});
});
afterAll(() => server.stop());

describe.each(["v1alpha", "v1"] as const)("by reflection %s", (version) => {
  const ask = async (method: string) => grpcurl(server.client, `${service}/${method}`, question, version);
  const question = { text: "Once upon a time", max_new_tokens: 12 };
  const english = /^( ?[A-Za-z']+[,.!?;"]*\s*){5,}/;

  test("TextGenerationTaskPredict answers in English, and in snake_case", async () => {
    const answers = await ask("TextGenerationTaskPredict");
    expect(answers).toEqual([
      {
        generated_text: expect.stringMatching(english) as string,
        generated_tokens: "12",
        finish_reason: "MAX_TOKENS",
        producer_id: { name: "Text Generation", version: "0.1.0" },
        input_token_count: expect.stringMatching(/^[1-9]\d*$/) as string,
      },
    ]);
  });

  test("ServerStreamingTextGenerationTaskPredict streams the same text, and its details in snake_case", async () => {
    const [unary] = await ask("TextGenerationTaskPredict");
    const messages = await ask("ServerStreamingTextGenerationTaskPredict");
    expect(messages.length).toBeGreaterThan(5);
    expect(messages[0]).toEqual({ details: { input_token_count: unary?.["input_token_count"] } });
    expect(messages.at(-1)).toMatchObject({ details: { generated_tokens: 12, finish_reason: "MAX_TOKENS" } });
    const texts = messages.map((message) => (message["generated_text"] ?? "") as string);
    expect(texts.join("")).toBe(unary?.["generated_text"]);
  });
});
