/** What is the same whichever API is asked. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Caller } from "../../../src/engine/observer.js";
import type { Answer, Asked, Asker } from "../../conformance/askers/asker.js";
import { grpcAskers } from "../../conformance/askers/grpc.js";
import { httpAskers } from "../../conformance/askers/http.js";
import { startConformanceServer, type ConformanceServer } from "../../conformance/server.js";
import { complete } from "../../support/engine.js";
import { completeReferences, fixtures } from "../../support/reference.js";

const askers = [...grpcAskers, ...httpAskers];
const references = completeReferences(`${fixtures}/micro-gpt2/reference.json`).slice(0, 5);
const maxTokens = 24;
const sampling = { temperature: 1.25, topP: 0.875, seed: 5 };

let server: ConformanceServer;
beforeAll(async () => {
  server = await startConformanceServer();
});
afterAll(async () => server.stop());

/** What the engine itself says, as this API has to tell it. */
async function expected({ prompt, sampling: sampled }: Asked, { name }: Asker): Promise<Answer> {
  const method = sampled === undefined ? {} : { method: "sample" as const, ...sampled, seed: BigInt(sampled.seed) };
  const asked = { prompt, maxNewTokens: maxTokens, ...method };
  const { text, promptTokens, completionTokens } = await complete(server.engine, asked);
  return { text, promptTokens: name.startsWith("generate") ? undefined : promptTokens, completionTokens };
}

test.each(askers)("a greedy request has the reference's text and token counts: $name", async (asker) => {
  for (const { prompt, input_ids: promptIds, greedy } of references) {
    const asked = { prompt, maxTokens };
    const answer = await asker.ask(server, asked);
    expect(answer).toEqual(await expected(asked, asker));
    expect(greedy.text.startsWith(answer.text)).toBe(true);
    expect([promptIds.length, undefined]).toContain(answer.promptTokens);
    expect(answer.completionTokens).toBe(maxTokens);
  }
});

test.each(askers)("the same seed has the same text and token counts: $name", async (asker) => {
  for (const { prompt } of references) {
    const asked = { prompt, maxTokens, sampling };
    expect(await asker.ask(server, asked)).toEqual(await expected(asked, asker));
  }
});

test("the seed decides on the text, which is not the greedy one", async () => {
  const [{ prompt } = { prompt: "" }] = references;
  const [asker] = askers;
  const samplings = [undefined, sampling, { ...sampling, seed: 6 }];
  const answers = samplings.map(async (each) =>
    asker?.ask(server, { prompt, maxTokens, ...(each !== undefined && { sampling: each }) }),
  );
  expect(new Set((await Promise.all(answers)).map((answer) => answer?.text)).size).toBe(3);
});

test.each(askers.filter(({ name }) => !name.startsWith("OpenAI")))(
  "so have the same seed and parameters that OpenAI's API lacks: $name",
  async (asker) => {
    const asked = (prompt: string): Asked => {
      return { prompt, maxTokens, sampling: { ...sampling, topK: 40, typicalP: 0.75, repetitionPenalty: 1.25 } };
    };
    for (const { prompt } of references) {
      expect(await asker.ask(server, asked(prompt))).toEqual(await expected(asked(prompt), asker));
    }
  },
);

test("all APIs asked at once answer as one alone", async () => {
  const asked = references.map(({ prompt }) => ({ prompt, maxTokens, sampling }));
  const alone = asked.flatMap((each) => askers.map(async (asker) => expected(each, asker)));
  const atOnce = asked.flatMap((each) => askers.map(async ({ ask }) => ask(server, each)));
  expect(await Promise.all(atOnce)).toEqual(await Promise.all(alone));
});

test("the engine's observer hears who asked through each API, and of the choices of one answer their places", async () => {
  const callers: Caller[] = [];
  server.engine.observe({ finished: ({ caller }) => void callers.push(caller) });
  const headers = { "x-correlation-id": "42", traceparent: "00-trace", "content-type": "application/json" };
  const post = async (path: string, body: object) =>
    server.http.call({ method: "POST", path, headers, body: JSON.stringify(body) });
  await post("/v1/completions", { prompt: "a", max_tokens: 1, n: 2 });
  await post("/v1/completions", { prompt: "a", max_tokens: 1, stream: true });
  await post("/generate", { inputs: "a", parameters: { max_new_tokens: 1 } });
  await post("/v2/models/micro-gpt2/generate_stream", { text_input: "a", parameters: { max_tokens: 1 } });
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
