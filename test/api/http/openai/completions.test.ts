import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openAiApi } from "../../../../src/api/http/openai/index.js";
import { complete } from "../../../support/engine.js";
import { serveModel } from "../../../support/http-texts.js";
import { completeReferences, fixtures } from "../../../support/reference.js";
import { until } from "../../../support/settled.js";

const model = "micro-gpt2";
const references = completeReferences(`${fixtures}/micro-gpt2/reference.json`);
const reference = references.find(({ prompt }) => prompt === "The whale") ?? references[0];
if (reference === undefined) throw new Error("no reference");
const { prompt, input_ids: promptIds, input_logprobs: promptLogprobs, greedy } = reference;
const count = greedy.ids.length;
const greedyRequest = { model, prompt, temperature: 0, max_tokens: count } as const;

let server: Awaited<ReturnType<typeof serveModel>>;
let client: OpenAI;
let fingerprint: string | undefined = "fp_0123456789ab";

beforeAll(async () => {
  server = await serveModel(`${fixtures}/micro-gpt2`, (options) => [
    openAiApi({ ...options, fingerprint: () => fingerprint }),
  ]);
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
});
afterAll(async () => server.stop());

type Parameters = Omit<OpenAI.CompletionCreateParamsNonStreaming, "model" | "stream">;

const create = async (parameters: Parameters) => client.completions.create({ model, ...parameters });

async function stream(parameters: Parameters & Pick<OpenAI.CompletionCreateParamsStreaming, "stream_options">) {
  const chunks: OpenAI.Completion[] = [];
  for await (const chunk of await client.completions.create({ model, ...parameters, stream: true })) chunks.push(chunk);
  return chunks;
}

const textOf = (chunks: readonly OpenAI.Completion[], index = 0): string =>
  chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index).map(({ text }) => text)).join("");

const near = (logprob: number | null | undefined): number => expect.closeTo(logprob ?? 0, 3) as number;

/** The engine's own answer. */
const ofEngine = async (asked: globalThis.Parameters<typeof complete>[1]) => complete(server.engine, asked);

const texts = ({ choices }: OpenAI.Completion): string[] => choices.map(({ text }) => text);

test("an answer has no fingerprint while there is none, whole and in parts", async () => {
  const known = fingerprint;
  onTestFinished(() => void (fingerprint = known));
  fingerprint = undefined;
  const answers = [await create(greedyRequest), ...(await stream(greedyRequest))];
  expect(answers.filter((answer) => "system_fingerprint" in answer)).toEqual([]);
});

describe("a greedy completion", () => {
  test("is the reference's text, with its usage, whole and in parts", async () => {
    const text = greedy.text.replace(/\ufffd+$/, "");
    const usage = { prompt_tokens: promptIds.length, completion_tokens: count, total_tokens: promptIds.length + count };
    const completion = await create(greedyRequest);
    expect(completion).toMatchObject({ object: "text_completion", model, usage });
    expect(completion.choices).toEqual([{ index: 0, text, logprobs: null, finish_reason: "length" }]);
    expect(completion.id).toMatch(/^cmpl-/);
    expect(completion.system_fingerprint).toBe(fingerprint);
    expect(Math.abs(completion.created - Date.now() / 1000)).toBeLessThan(60);

    const chunks = await stream(greedyRequest);
    expect(textOf(chunks)).toBe(text);
    expect(new Set(chunks.map(({ id, system_fingerprint }) => `${id} ${system_fingerprint}`)).size).toBe(1);
    const reasons = chunks.map(({ choices }) => choices[0]?.finish_reason);
    expect(reasons).toEqual([...Array<null>(chunks.length - 1).fill(null), "length"]);
    expect(chunks.filter((chunk) => "usage" in chunk)).toEqual([]);
  });

  test("has the prompt in front when it is echoed, from text and from ids", async () => {
    const whole = `${prompt}${greedy.text.replace(/\ufffd+$/, "")}`;
    expect(texts(await create({ ...greedyRequest, echo: true }))).toEqual([whole]);
    expect(texts(await create({ ...greedyRequest, echo: true, prompt: [...promptIds] }))).toEqual([whole]);
    expect(textOf(await stream({ ...greedyRequest, echo: true }))).toBe(whole);
  });

  test("is of 16 tokens when nothing is said", async () => {
    expect((await create({ prompt, temperature: 0 })).usage?.completion_tokens).toBe(16);
  });

  test("is cut before a stop sequence", async () => {
    const stop = "GPTonfig";
    for (const given of [stop, ["never", stop]]) {
      const { choices } = await create({ ...greedyRequest, stop: given });
      expect(choices).toMatchObject([{ text: greedy.text.split(stop)[0], finish_reason: "stop" }]);
    }
    const chunks = await stream({ ...greedyRequest, stop });
    expect(textOf(chunks)).toBe(greedy.text.split(stop)[0]);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop");
  });
});

describe("logprobs", () => {
  test("are the reference's, with the alternatives, the token itself, and where each begins", async () => {
    const { choices } = await create({ ...greedyRequest, logprobs: 3 });
    const { tokens = [], token_logprobs: logprobs = [], top_logprobs: top = [] } = choices[0]?.logprobs ?? {};
    expect(logprobs.length).toBe(count);
    for (const [index, { logprob }] of greedy.tokens.entries()) expect(logprobs[index]).toBeCloseTo(logprob, 3);
    for (const [index, { top5 }] of greedy.tokens.entries()) {
      const listed = Object.entries(top[index] ?? {});
      expect(listed.map(([, value]) => value)).toEqual(top5.slice(0, 3).map(([, value]) => near(value)));
      expect(listed[0]?.[0]).toBe(tokens[index]);
    }
    expect(tokens.slice(0, 4)).toEqual(["e", "GPT", "bytes:\\x97", " t"]);
  });

  test("of 0 list the token itself and no alternative", async () => {
    const { choices } = await create({ ...greedyRequest, max_tokens: 2, logprobs: 0 });
    expect(choices[0]?.logprobs).toEqual({
      tokens: ["e", "GPT"],
      token_logprobs: greedy.tokens.slice(0, 2).map(({ logprob }) => near(logprob)),
      top_logprobs: ["e", "GPT"].map((token, i) => ({ [token]: near(greedy.tokens[i]?.logprob) })),
      text_offset: [0, 1],
    });
  });

  test("begin with the prompt's when it is echoed", async () => {
    const { choices } = await create({ ...greedyRequest, max_tokens: 1, echo: true, logprobs: 1 });
    const { tokens, token_logprobs: logprobs, top_logprobs: top, text_offset: offsets } = choices[0]?.logprobs ?? {};
    expect(tokens?.join("")).toBe(`${prompt}e`);
    expect(logprobs).toEqual([null, ...promptLogprobs.slice(1).map(near), near(greedy.tokens[0]?.logprob)]);
    expect(top?.[0]).toBeNull();
    expect(offsets).toEqual(tokens?.map((_, index) => tokens.slice(0, index).join("").length));
  });

  test("are the same when streamed, token by token", async () => {
    const parameters = { ...greedyRequest, echo: true, logprobs: 2 };
    const [choice] = (await create(parameters)).choices;
    const parts = (await stream(parameters)).flatMap(({ choices }) => choices.map(({ logprobs }) => logprobs));
    const joined = (key: "tokens" | "token_logprobs" | "text_offset"): unknown[] =>
      parts.flatMap((part): unknown[] => part?.[key] ?? []);
    expect(joined("tokens")).toEqual(choice?.logprobs?.tokens);
    expect(joined("token_logprobs")).toEqual(choice?.logprobs?.token_logprobs);
    expect(joined("text_offset")).toEqual(choice?.logprobs?.text_offset);
  });
});

describe("several choices", () => {
  test("are one for each prompt, whatever its form", async () => {
    const prompts = references.slice(0, 3);
    const expected = await Promise.all(
      prompts.map(async (each) => (await ofEngine({ prompt: each.prompt, maxNewTokens: 5 })).text),
    );
    const request = { temperature: 0, max_tokens: 5 };
    const ofTexts = await create({ ...request, prompt: prompts.map((each) => each.prompt) });
    const ofIds = await create({ ...request, prompt: prompts.map((each) => [...each.input_ids]) });
    expect(texts(ofTexts)).toEqual(expected);
    expect(texts(ofIds)).toEqual(expected);
    expect(ofTexts.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(ofTexts.usage).toEqual({
      prompt_tokens: prompts.reduce((sum, each) => sum + each.input_ids.length, 0),
      completion_tokens: 15,
      total_tokens: 15 + prompts.reduce((sum, each) => sum + each.input_ids.length, 0),
    });
    const chunks = await stream({ ...request, prompt: prompts.map((each) => each.prompt) });
    expect([0, 1, 2].map((index) => textOf(chunks, index))).toEqual(expected);
  });

  test("are independent samples whose seeds follow the one given", async () => {
    const sampled = { prompt, maxNewTokens: 8, method: "sample" } as const;
    const expected = await Promise.all([7n, 8n, 9n].map(async (seed) => (await ofEngine({ ...sampled, seed })).text));
    const completion = await create({ prompt, max_tokens: 8, n: 3, best_of: 3, seed: 7 });
    expect(new Set(expected).size).toBe(3);
    expect(texts(completion)).toEqual(expected);
    expect(completion.usage).toMatchObject({ prompt_tokens: promptIds.length, completion_tokens: 24 });
    const chunks = await stream({ prompt, max_tokens: 8, n: 3, seed: 7 });
    expect([0, 1, 2].map((index) => textOf(chunks, index))).toEqual(expected);
  });
});

describe("best_of", () => {
  /** The texts of five samples of each prompt, by their mean log-probability as the engine tells it. */
  const ranked = async (prompts: readonly string[], tokens: number): Promise<string[][]> =>
    Promise.all(
      prompts.map(async (each) => {
        const details = { completionTokens: true, logprobs: true };
        const samples = await Promise.all(
          [7n, 8n, 9n, 10n, 11n].map(async (seed) =>
            ofEngine({ prompt: each, maxNewTokens: tokens, method: "sample", seed, details }),
          ),
        );
        const scored = samples.map(({ text, tokens: listed }) => {
          return { text, mean: listed.reduce((sum, { logprob }) => sum + logprob, 0) / listed.length };
        });
        return scored.sort((a, b) => b.mean - a.mean).map(({ text }) => text);
      }),
    );

  test("tells the n samples of each prompt that the model finds most likely, best first", async () => {
    const prompts = references.slice(0, 2).map((each) => each.prompt);
    const expected = await ranked(prompts, 6);
    const completion = await create({ prompt: prompts, max_tokens: 6, n: 2, best_of: 5, seed: 7 });
    expect(texts(completion)).toEqual(expected.flatMap((each) => each.slice(0, 2)));
    expect(completion.choices.map(({ index, logprobs }) => [index, logprobs])).toEqual(
      [0, 1, 2, 3].map((index) => [index, null]),
    );
    const promptTokens = references.slice(0, 2).reduce((sum, each) => sum + each.input_ids.length, 0);
    expect(completion.usage).toMatchObject({ prompt_tokens: promptTokens, completion_tokens: 2 * 5 * 6 });
  });

  test("tells the logprobs of the chosen one when they are asked for, and the prompt when it is echoed", async () => {
    const [[best = ""] = []] = await ranked([prompt], 6);
    const asked = { prompt, max_tokens: 6, best_of: 5, seed: 7 };
    const { choices } = await create({ ...asked, logprobs: 0, echo: true });
    expect(choices.map(({ text }) => text)).toEqual([`${prompt}${best}`]);
    expect(choices[0]?.logprobs?.tokens?.length).toBe(promptIds.length + 6);
    expect(texts(await create({ ...asked, echo: true }))).toEqual([`${prompt}${best}`]);
  });
});

describe("sampling", () => {
  test("passes every parameter on to the engine", async () => {
    const { text } = await ofEngine({
      prompt,
      method: "sample",
      maxNewTokens: 20,
      seed: (1n << 64n) - 3n,
      temperature: 1.5,
      topP: 0.9,
      frequencyPenalty: 1,
      presencePenalty: -0.5,
      logitBias: new Map([[5, 4]]),
      includeStopSequence: false,
    });
    const parameters = { temperature: 1.5, top_p: 0.9, seed: -3, frequency_penalty: 1, presence_penalty: -0.5 };
    expect(texts(await create({ prompt, max_tokens: 20, ...parameters, logit_bias: { 5: 4 } }))).toEqual([text]);
    expect(texts(await create({ prompt, max_tokens: 20, ...parameters }))).not.toEqual([text]);
  });

  test("follows a logit bias of 100 and avoids one of -100", async () => {
    const [first = 0] = greedy.ids;
    const { choices } = await create({ prompt, temperature: 0, max_tokens: 3, logprobs: 0, logit_bias: { 5: 100 } });
    expect(new Set(choices[0]?.logprobs?.tokens).size).toBe(1);
    const avoided = await create({ prompt, temperature: 0, max_tokens: 1, logprobs: 0, logit_bias: { [first]: -100 } });
    expect(avoided.choices[0]?.logprobs?.tokens).not.toEqual(["e"]);
  });

  test("never repeats a token under the greatest frequency penalty while others are near", async () => {
    const repeated = "a";
    const plain = await create({ prompt: repeated, temperature: 0, max_tokens: 20, logprobs: 0 });
    const lowered = await create({
      prompt: repeated,
      temperature: 0,
      max_tokens: 20,
      logprobs: 0,
      frequency_penalty: 2,
    });
    const distinct = ({ choices }: OpenAI.Completion): number => new Set(choices[0]?.logprobs?.tokens).size;
    expect(distinct(lowered)).toBeGreaterThan(distinct(plain));
  });
});

describe("a stream", () => {
  test("ends with the usage when it is asked for, which is null before", async () => {
    const chunks = await stream({ ...greedyRequest, max_tokens: 3, n: 2, stream_options: { include_usage: true } });
    const last = chunks.at(-1);
    const usage = { prompt_tokens: promptIds.length, completion_tokens: 6, total_tokens: promptIds.length + 6 };
    expect(last).toMatchObject({ choices: [], usage });
    expect(new Set(chunks.slice(0, -1).map((chunk) => chunk.usage))).toEqual(new Set([null]));
  });

  test("is server-sent events that end with [DONE]", async () => {
    const response = await fetch(`${server.url}/openai/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt, max_tokens: 2, stream: true }),
    });
    const text = await response.text();
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(text).toMatch(/^(data: \{.*\}\n\n)+data: \[DONE\]\n\n$/);
  });

  test("that its client leaves frees the slots of all its choices", async () => {
    const leaving = await client.completions.create({ model, prompt, max_tokens: 80, n: 3, stream: true });
    for await (const chunk of leaving) if (chunk.choices.length > 0) break;
    const { engine } = server;
    await until(() => engine.counts.waiting + engine.counts.prefilling + engine.counts.running === 0);
    expect(engine.counts.freeSlots).toBe(4);
  });
});
