import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openAiApi } from "../../../../../src/api/http/openai/index.js";
import { loadTokenizer, type Tokenizer } from "../../../../../src/model/index.js";
import { ask, serveModel } from "../../../../support/http-texts.js";
import { completeReferences, fixtures } from "../../../../support/reference.js";
import { bare, chatCheckpoint, chatMl, llama } from "./templates.js";

const model = "micro-chat";
const fingerprint = "fp_0123456789ab";
const references = completeReferences(`${fixtures}/micro-gpt2/reference.json`);
const reference = references.find(({ prompt }) => prompt === "The whale") ?? references[0];
if (reference === undefined) throw new Error("no reference");
const { prompt, input_ids: promptIds, greedy } = reference;
const greedyText = greedy.text.replace(/\ufffd+$/, "");
const count = greedy.ids.length;

let checkpoint: Awaited<ReturnType<typeof chatCheckpoint>>;
let server: Awaited<ReturnType<typeof serveModel>>;
let client: OpenAI;
let tokenizer: Tokenizer;

beforeAll(async () => {
  const templates = { default: chatMl, llama, bare };
  checkpoint = await chatCheckpoint({
    add_bos_token: true, // which a template's prompt must not get a second time
    chat_template: Object.entries(templates).map(([name, template]) => ({ name, template })),
  });
  tokenizer = await loadTokenizer(checkpoint.folder);
  const limits = { maxNewTokens: 40 };
  server = await serveModel(
    checkpoint.folder,
    (given) => [openAiApi({ ...given, fingerprint: () => fingerprint })],
    limits,
  );
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
});
afterAll(async () => {
  await server.stop();
  await checkpoint.remove();
});

/** OpenAI's parameters, and the extensions that its types do not know. */
type Asked = Partial<Omit<OpenAI.ChatCompletionCreateParams, "model" | "stream">> & {
  readonly chat_template?: string;
  readonly continue_final_message?: boolean;
  readonly add_special_tokens?: boolean;
};

const user = (content: string): OpenAI.ChatCompletionMessageParam => ({ role: "user", content });
const usual = { model, messages: [user("Hi")], temperature: 0, max_completion_tokens: 8 };

const create = async (asked: Asked = {}): Promise<OpenAI.ChatCompletion> =>
  client.chat.completions.create({ ...usual, ...asked, stream: false });

async function stream(asked: Asked = {}): Promise<OpenAI.ChatCompletionChunk[]> {
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  const parts = await client.chat.completions.create({ ...usual, ...asked, stream: true });
  for await (const chunk of parts) chunks.push(chunk);
  return chunks;
}

/** The completion of a prompt that brings its special tokens itself. */
async function completed(
  text: string,
  asked: Partial<OpenAI.CompletionCreateParamsNonStreaming> = {},
): Promise<OpenAI.Completion> {
  const ids = tokenizer.encode(text, { addSpecialTokens: false });
  return client.completions.create({ model, prompt: ids, temperature: 0, max_tokens: 8, ...asked, stream: false });
}

const contents = ({ choices }: OpenAI.ChatCompletion): (string | null)[] =>
  choices.map(({ message }) => message.content);
const texts = ({ choices }: OpenAI.Completion): string[] => choices.map(({ text }) => text);

/** What a stream says of one choice. */
const said = (chunks: readonly OpenAI.ChatCompletionChunk[], index = 0): string =>
  chunks
    .flatMap(({ choices }) => choices)
    .filter((choice) => choice.index === index)
    .map(({ delta }) => delta.content ?? "")
    .join("");

/** The request whose prompt is the reference's, letter by letter. */
const ofReference = { messages: [user(prompt)], chat_template: "bare", max_completion_tokens: count };

const chatMlOfHi = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";

describe("an answer", () => {
  test("has the server's fingerprint, whole and in every part", async () => {
    const answers = [await create(), ...(await stream())];
    expect(answers.length).toBeGreaterThan(2);
    expect(answers).toMatchObject(answers.map(() => ({ system_fingerprint: fingerprint })));
  });

  test("is the reference's text when the prompt is the reference's", async () => {
    const completion = await create(ofReference);
    expect(completion).toMatchObject({ object: "chat.completion", model });
    expect(completion.id).toMatch(/^chatcmpl-/);
    expect(completion.choices).toEqual([
      {
        index: 0,
        message: { role: "assistant", content: greedyText, refusal: null },
        logprobs: null,
        finish_reason: "length",
      },
    ]);
    expect(completion.usage).toEqual({
      prompt_tokens: promptIds.length,
      completion_tokens: count,
      total_tokens: promptIds.length + count,
    });
  });

  test("is the completion of the prompt that the template makes, whichever it is", async () => {
    const endOfText = "<|endoftext|>";
    const llamaOfHi = `${endOfText}[INST] Hi [/INST]`;
    expect(contents(await create())).toEqual(texts(await completed(chatMlOfHi)));
    expect(contents(await create({ chat_template: "llama" }))).toEqual(texts(await completed(llamaOfHi)));
    const continued = await create({
      messages: [user("Hi"), { role: "assistant", content: "Once" }],
      continue_final_message: true,
    });
    expect(contents(continued)).toEqual(texts(await completed(`${chatMlOfHi}Once`)));
  });

  test("has the tokenizer's own special tokens in its prompt only when they are asked for", async () => {
    const own = await create({ add_special_tokens: true });
    expect(own.usage?.prompt_tokens).toBe(tokenizer.encode(chatMlOfHi).length);
    expect((await create()).usage?.prompt_tokens).toBe(tokenizer.encode(chatMlOfHi).length - 1);
  });

  test("follows every parameter of sampling, and its samples the seed", async () => {
    const sampling = { temperature: 1.5, top_p: 0.9, seed: -3, n: 2, presence_penalty: -0.5, frequency_penalty: 1 };
    const both = { ...sampling, logit_bias: { 5: 4 }, stop: ["e"] };
    const expected = texts(await completed(chatMlOfHi, { ...both, max_tokens: 20 }));
    expect(contents(await create({ ...both, max_completion_tokens: 20 }))).toEqual(expected);
    expect(new Set(expected).size).toBe(2);
    const chunks = await stream({ ...both, max_completion_tokens: 20 });
    expect([said(chunks, 0), said(chunks, 1)]).toEqual(expected);
  });

  test("ends before a stop sequence", async () => {
    const { choices } = await create({ ...ofReference, stop: "GPTonfig" });
    expect(choices).toMatchObject([{ message: { content: greedy.text.split("GPTonfig")[0] }, finish_reason: "stop" }]);
  });

  test("is as long as the server lets it be when nothing is said, and max_tokens is the old name", async () => {
    const { usage } = await create({ ...ofReference, max_completion_tokens: null });
    expect(usage?.completion_tokens).toBe(40);
    const old = await create({ ...ofReference, max_completion_tokens: null, max_tokens: 3 });
    expect(old.usage?.completion_tokens).toBe(3);
  });
});

describe("logprobs", () => {
  test("are the reference's, with as many alternatives as asked for and their bytes", async () => {
    const { choices } = await create({ ...ofReference, logprobs: true, top_logprobs: 3 });
    const { content = [] } = choices[0]?.logprobs ?? {};
    expect(content?.map(({ logprob }) => logprob)).toEqual(
      greedy.tokens.map(({ logprob }) => expect.closeTo(logprob, 3) as number),
    );
    expect(content?.map(({ top_logprobs: top }) => top.map(({ logprob }) => logprob))).toEqual(
      greedy.tokens.map(({ top5 }) => top5.slice(0, 3).map(([, logprob]) => expect.closeTo(logprob, 3) as number)),
    );
    const named = content?.slice(0, 4).map(({ token, bytes }) => ({ token, bytes }));
    expect(named).toEqual([
      { token: "e", bytes: [0x65] },
      { token: "GPT", bytes: [0x47, 0x50, 0x54] },
      { token: "bytes:\\x97", bytes: [0x97] },
      { token: " t", bytes: [0x20, 0x74] },
    ]);
  });

  test("are the same when streamed, and have no alternatives unless asked for", async () => {
    const asked = { ...ofReference, logprobs: true };
    const [whole] = (await create(asked)).choices;
    const parts = (await stream(asked)).flatMap(({ choices }) =>
      choices.flatMap(({ logprobs }) => logprobs?.content ?? []),
    );
    expect(parts).toEqual(whole?.logprobs?.content);
    expect(new Set(parts.map(({ top_logprobs: top }) => top.length))).toEqual(new Set([0]));
  });
});

describe("a stream", () => {
  test("says who speaks, then what, then why it ends", async () => {
    const chunks = await stream(ofReference);
    expect(said(chunks)).toBe(greedyText);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    expect(choices[0]).toEqual({
      index: 0,
      delta: { role: "assistant", content: "" },
      logprobs: null,
      finish_reason: null,
    });
    expect(choices.at(-1)).toEqual({ index: 0, delta: {}, logprobs: null, finish_reason: "length" });
    const middle = choices.slice(1, -1).map(({ delta, finish_reason: reason }) => [Object.keys(delta), reason]);
    expect(new Set(middle.map((each) => JSON.stringify(each)))).toEqual(new Set(['[["content"],null]']));
    expect(new Set(chunks.map(({ id, object }) => `${id} ${object}`)).size).toBe(1);
    expect(chunks[0]).toMatchObject({ object: "chat.completion.chunk", model });
    expect(chunks.filter((chunk) => "usage" in chunk)).toEqual([]);
  });

  test("tells the usage at its end when asked to, and then [DONE]", async () => {
    const body = { ...usual, ...ofReference, n: 2, stream: true, stream_options: { include_usage: true } };
    const response = await fetch(`${server.url}/openai/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const events = (await response.text()).split("\n\n").filter((event) => event !== "");
    expect(events.at(-1)).toBe("data: [DONE]");
    const usages = events.slice(0, -1).map((event) => JSON.parse(event.slice("data: ".length)) as { usage?: unknown });
    const total = promptIds.length + 2 * count;
    const usage = { prompt_tokens: promptIds.length, completion_tokens: 2 * count, total_tokens: total };
    expect(usages.at(-1)).toMatchObject({ choices: [], usage });
    expect(new Set(usages.slice(0, -1).map((each) => each.usage))).toEqual(new Set([null]));
  });
});

describe("a conversation that the engine has no room for", () => {
  const tooLong = (message: string) => ({
    status: 400,
    body: {
      error: { message, type: "invalid_request_error", param: "messages", code: "context_length_exceeded" },
    },
  });

  test("is too long, as tokens and as messages, whole and streamed", async () => {
    const url = `${server.url}/v1/chat/completions`;
    const long = { messages: [user("zq".repeat(200))], chat_template: "bare" };
    const { length } = tokenizer.encode("zq".repeat(200), { addSpecialTokens: false });
    const answer = tooLong(`messages: the prompt must have fewer than 96 tokens, got ${length}`);
    expect(await ask(url, long)).toMatchObject(answer);
    expect(await ask(url, { ...long, stream: true })).toMatchObject(answer);
    expect(await ask(url, { messages: Array(96).fill(user("a")) })).toMatchObject(
      tooLong("messages: the prompt must have fewer than 96 tokens, got 96 messages"),
    );
  });
});
