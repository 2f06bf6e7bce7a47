import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openAiApi } from "../../../src/api/http/openai/index.js";
import { openInferenceApi } from "../../../src/api/http/open-inference/index.js";
import { tgiApi } from "../../../src/api/http/tgi/index.js";
import type { Caller } from "../../../src/engine/observer.js";
import { complete } from "../../support/engine.js";
import { ask, serveModel } from "../../support/http-texts.js";
import { completeReferences, fixtures } from "../../support/reference.js";

const references = completeReferences(`${fixtures}/tiny-reference.json`);
const count = 24;

let server: Awaited<ReturnType<typeof serveModel>>;
beforeAll(async () => {
  server = await serveModel("models/tiny", (options) => [
    openAiApi({ ...options, version: "1" }),
    tgiApi({ ...options, version: "1", maxConcurrentRequests: 512 }),
    openInferenceApi({ ...options, version: "1", isReady: () => true }),
  ]);
});
afterAll(async () => server.stop());

interface Answer {
  readonly text: string;
  readonly tokens: number | undefined;
}

async function ofEngine(prompt: string): Promise<Answer> {
  const { text, completionTokens: tokens } = await complete(server.engine, { prompt, maxNewTokens: count });
  return { text, tokens };
}

async function throughOpenAi(prompt: string): Promise<Answer> {
  const client = new OpenAI({ baseURL: `${server.url}/openai/v1`, apiKey: "none", maxRetries: 0 });
  const request = { model: "tiny", prompt, temperature: 0, max_tokens: count };
  const { choices, usage } = await client.completions.create(request);
  return { text: choices[0]?.text ?? "", tokens: usage?.completion_tokens };
}

async function throughTgi(inputs: string): Promise<Answer> {
  const { body } = await ask(`${server.url}/generate`, {
    inputs,
    parameters: { max_new_tokens: count, details: true },
  });
  const { generated_text: text, details } = body as { generated_text: string; details: { generated_tokens: number } };
  return { text, tokens: details.generated_tokens };
}

async function throughOpenInference(text: string): Promise<Answer> {
  const inputs = [{ name: "text_input", datatype: "BYTES", shape: [1], data: [text] }];
  const outputs = [{ name: "text_output" }, { name: "completion_tokens" }];
  const parameters = { temperature: 0, max_tokens: count };
  const { body } = await ask(`${server.url}/v2/models/tiny/infer`, { inputs, outputs, parameters });
  const [output, tokens] = (body as { outputs: [{ data: [string] }, { data: [number] }] }).outputs;
  return { text: output.data[0], tokens: tokens.data[0] };
}

test("the engine's observer hears who asked through each API, and of the choices of one answer their places", async () => {
  const callers: Caller[] = [];
  server.engine.observe({ finished: ({ caller }) => void callers.push(caller) });
  const headers = { "x-correlation-id": "42", traceparent: "00-trace" };
  const post = async (path: string, body: object) =>
    (
      await fetch(`${server.url}${path}`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(body),
      })
    ).text();
  await post("/v1/completions", { prompt: "a", max_tokens: 1, n: 2 });
  await post("/v1/completions", { prompt: "a", max_tokens: 1, stream: true });
  await post("/generate", { inputs: "a", parameters: { max_new_tokens: 1 } });
  await post("/v2/models/tiny/generate_stream", { text_input: "a", parameters: { max_tokens: 1 } });
  server.engine.observe({});
  const caller = { correlationId: "42", traceparent: "00-trace" };
  expect(callers).toEqual([
    { ...caller, kind: "batch", batch: { index: 0, size: 2 } },
    { ...caller, kind: "batch", batch: { index: 1, size: 2 } },
    { ...caller, kind: "stream" },
    { ...caller, kind: "single" },
    { ...caller, kind: "stream" },
  ]);
});

test("a greedy request has the same text and token count through every API", async () => {
  const answers = await Promise.all(
    references.map(async ({ prompt }) =>
      Promise.all([ofEngine(prompt), throughOpenAi(prompt), throughTgi(prompt), throughOpenInference(prompt)]),
    ),
  );
  for (const [index, [engine, openAi, tgi, openInference]] of answers.entries()) {
    expect(references[index]?.greedy.text.startsWith(engine.text)).toBe(true);
    expect(engine).toEqual({ text: expect.stringMatching(/./) as string, tokens: count });
    expect([openAi, tgi, openInference]).toEqual([engine, engine, engine]);
  }
});
