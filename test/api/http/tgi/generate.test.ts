import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tgiApi } from "../../../../src/api/http/tgi/index.js";
import { complete } from "../../../support/engine.js";
import { ask, askForEvents, serveModel } from "../../../support/http-texts.js";
import { completeReferences, fixtures } from "../../../support/reference.js";
import { until } from "../../../support/settled.js";

const reference = completeReferences(`${fixtures}/micro-gpt2/reference.json`).find(
  ({ prompt }) => prompt === "The whale",
);
if (reference === undefined) throw new Error("no reference");
const { prompt: inputs, input_ids: promptIds, input_logprobs: promptLogprobs, greedy } = reference;
const count = greedy.ids.length;
const text = greedy.text.replace(/\ufffd+$/, "");
const near = (logprob: number | null | undefined): number => expect.closeTo(logprob ?? 0, 3) as number;

let server: Awaited<ReturnType<typeof serveModel>>;
beforeAll(async () => {
  server = await serveModel(`${fixtures}/micro-gpt2`, (options) => [
    tgiApi({ ...options, version: "1", maxConcurrentRequests: 512 }),
  ]);
});
afterAll(async () => server.stop());

const generate = async (parameters: object) => (await ask(`${server.url}/generate`, { inputs, parameters })).body;

interface StreamEvent {
  readonly index: number;
  readonly token: { readonly id: number; readonly text: string; readonly logprob: number; readonly special: boolean };
  readonly top_tokens?: readonly { readonly id: number }[];
  readonly generated_text: string | null;
  readonly details: object | null;
}

const stream = async (parameters: object) =>
  (await askForEvents(`${server.url}/generate_stream`, { inputs, parameters })) as StreamEvent[];

describe("a greedy text", () => {
  test("is the reference's, and nothing else when nothing else is asked for", async () => {
    expect(await generate({ max_new_tokens: count })).toEqual({ generated_text: text });
    expect(await generate({ max_new_tokens: count, return_full_text: true })).toEqual({
      generated_text: `${inputs}${text}`,
    });
  });

  test("comes with its tokens and the prompt's in the details", async () => {
    const parameters = { max_new_tokens: count, details: true, decoder_input_details: true };
    const body = (await generate(parameters)) as { details: { tokens: StreamEvent["token"][]; prefill: object[] } };
    const { tokens, prefill, ...details } = body.details;
    expect(details).toEqual({ finish_reason: "length", generated_tokens: count, seed: null });
    expect(tokens.map(({ id, logprob, special }) => ({ id, logprob, special }))).toEqual(
      greedy.tokens.map(({ id, logprob }) => ({ id, logprob: near(logprob), special: false })),
    );
    expect(tokens.map((token) => token.text).join("")).toBe(text);
    expect(prefill).toMatchObject(
      promptIds.map((id, index) => ({ id, logprob: index === 0 ? null : near(promptLogprobs[index]) })),
    );
  });

  test("lists no prompt token unless asked for", async () => {
    expect(await generate({ max_new_tokens: 2, details: true })).toMatchObject({ details: { prefill: [] } });
  });

  test("lists the alternatives to each token", async () => {
    const body = await generate({ max_new_tokens: 5, details: true, top_n_tokens: 3 });
    const topIds = greedy.tokens.slice(0, 5).map(({ top5 }) => top5.slice(0, 3).map(([id]) => ({ id })));
    expect(body).toMatchObject({ details: { top_tokens: topIds } });
    const events = await stream({ max_new_tokens: 5, top_n_tokens: 3 });
    expect(events).toMatchObject(topIds.map((top_tokens) => ({ top_tokens })));
  });

  test("ends with the stop sequence, which belongs to the text", async () => {
    const parameters = { max_new_tokens: count, stop: ["GPTonfig"], details: true };
    const end = text.indexOf("GPTonfig") + "GPTonfig".length;
    expect(await generate(parameters)).toMatchObject({
      generated_text: text.slice(0, end),
      details: { finish_reason: "stop_sequence" },
    });
  });

  test("is of 100 tokens when nothing is said, as far as the context goes", async () => {
    const body = await generate({ details: true });
    expect(body).toMatchObject({ details: { finish_reason: "length", generated_tokens: 96 - promptIds.length } });
  });

  test("may be of the end of the prompt only", async () => {
    const expected = await complete(server.engine, { prompt: inputs, truncatePromptTokens: 2, maxNewTokens: 5 });
    expect(await generate({ truncate: 2, max_new_tokens: 5 })).toEqual({ generated_text: expected.text });
  });
});

describe("a stream", () => {
  test("has one event for each token, whose texts are the text, which the last has whole", async () => {
    const events = await stream({ max_new_tokens: count, details: true });
    expect(events.map(({ index }) => index)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    expect(events.map(({ token }) => token.id)).toEqual(greedy.ids);
    expect(events.map(({ token }) => token.text).join("")).toBe(text);
    expect(new Set(events.slice(0, -1).map(({ generated_text, details }) => generated_text ?? details))).toEqual(
      new Set([null]),
    );
    const details = { finish_reason: "length", generated_tokens: count, seed: null, input_length: promptIds.length };
    expect(events.at(-1)).toMatchObject({ generated_text: text, details });
  });

  test("has no details that were not asked for, and no alternatives", async () => {
    const last = (await stream({ max_new_tokens: 2 })).at(-1);
    expect(Object.keys(last ?? {})).toEqual(["index", "token", "generated_text", "details"]);
    expect(last?.details).toBeNull();
  });

  test("that its client leaves frees its slot", async () => {
    const leaving = new AbortController();
    const response = await fetch(`${server.url}/generate_stream`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ inputs, parameters: { max_new_tokens: 80 } }),
      signal: leaving.signal,
    });
    await response.body?.getReader().read();
    leaving.abort();
    const { engine } = server;
    await until(() => engine.counts.waiting + engine.counts.prefilling + engine.counts.running === 0);
    expect(engine.counts.freeSlots).toBe(4);
  });
});

describe("sampling", () => {
  test("passes every parameter on to the engine and tells the seed", async () => {
    const sampled = {
      temperature: 1.5,
      top_k: 50,
      top_p: 0.9,
      typical_p: 0.8,
      repetition_penalty: 1.2,
      frequency_penalty: 1,
      seed: 5,
    };
    const expected = await complete(server.engine, {
      prompt: inputs,
      method: "sample",
      maxNewTokens: 12,
      temperature: 1.5,
      topK: 50,
      topP: 0.9,
      typicalP: 0.8,
      repetitionPenalty: 1.2,
      frequencyPenalty: 1,
      seed: 5n,
    });
    expect(await generate({ ...sampled, do_sample: true, max_new_tokens: 12, details: true })).toMatchObject({
      generated_text: expected.text,
      details: { seed: 5 },
    });
  });

  test.each([{ do_sample: true }, { temperature: 1.5 }, { top_k: 5 }, { top_p: 0.5 }, { typical_p: 0.5 }])(
    "is on with %o, with a seed of its own",
    async (parameters) => {
      const seed = expect.any(Number) as number;
      expect(await generate({ ...parameters, max_new_tokens: 1, details: true })).toMatchObject({ details: { seed } });
    },
  );
});

describe("the root", () => {
  test("answers with a list, or with a stream when that is asked for", async () => {
    const parameters = { max_new_tokens: 3 };
    const { body } = await ask(server.url, { inputs, parameters });
    expect(body).toEqual([await generate(parameters)]);
    const events = await askForEvents(server.url, { inputs, parameters, stream: true });
    expect(events).toEqual(await stream(parameters));
  });
});

test("tells the limits under TGI's names", async () => {
  expect((await ask(`${server.url}/info`)).body).toEqual({
    model_id: "micro-gpt2",
    model_sha: null,
    model_dtype: "float32",
    model_device_type: "cpu",
    model_pipeline_tag: "text-generation",
    max_concurrent_requests: 512,
    max_best_of: 1,
    max_stop_sequences: 6,
    max_input_tokens: 95,
    max_total_tokens: 96,
    max_client_batch_size: 1,
    router: "ortler",
    version: "1",
  });
});
