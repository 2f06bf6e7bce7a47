import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openAiApi, type OpenAiOptions } from "../../../../src/api/http/openai/index.js";
import { InvalidRequestError } from "../../../../src/engine/violations.js";
import { CancelledError, InternalError, OverCapacityError, UnavailableError } from "../../../../src/errors.js";
import { ask, serveModel, serveScript } from "../../../support/http-texts.js";
import { fixtures } from "../../../support/reference.js";
import { failing, hanging, hello, playing } from "../../../support/scripted-engine.js";
import { until } from "../../../support/settled.js";

let server: Awaited<ReturnType<typeof serveScript>>;
let client: OpenAI;

const start = async (options: Partial<OpenAiOptions> = {}): Promise<typeof server> =>
  serveScript((given) => [openAiApi({ ...given, ...options })]);

beforeEach(async () => {
  server = await start();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
});
afterEach(async () => server.stop());

const post = async (body: unknown) => ask(`${server.url}/v1/completions`, body);

const invalid = (param: string | null, message: string, code: string | null = null) => ({
  status: 400,
  body: { error: { message, type: "invalid_request_error", param, code } },
});

describe("a wrong field", () => {
  const prompt = "p";
  test.each<[object, string, string]>([
    [{}, "prompt", "prompt is missing"],
    [
      { prompt: 5 },
      "prompt",
      "prompt must be a string, an array of strings, an array of token ids, or an array of arrays of token ids, got 5",
    ],
    [
      { prompt: ["a", 1] },
      "prompt",
      'prompt must be a string, an array of strings, an array of token ids, or an array of arrays of token ids, got ["a",1]',
    ],
    [
      { prompt: [] },
      "prompt",
      "prompt must be a string, an array of strings, an array of token ids, or an array of arrays of token ids, got []",
    ],
    [{ prompt, model: 1 }, "model", "model must be a string, got 1"],
    [{ prompt, max_tokens: 0 }, "max_tokens", "max_tokens must be an integer in [1, infinity), got 0"],
    [{ prompt, max_tokens: "5" }, "max_tokens", 'max_tokens must be an integer in [1, infinity), got "5"'],
    [{ prompt, temperature: 2.1 }, "temperature", "temperature must be a number in [0, 2], got 2.1"],
    [{ prompt, temperature: -1 }, "temperature", "temperature must be a number in [0, 2], got -1"],
    [{ prompt, top_p: 0 }, "top_p", "top_p must be a number in (0, 1], got 0"],
    [{ prompt, n: 0 }, "n", "n must be an integer in [1, 128], got 0"],
    [{ prompt, n: 129 }, "n", "n must be an integer in [1, 128], got 129"],
    [{ prompt: Array(17).fill("p"), n: 121 }, "n", "prompts times n must be at most 2048, got 2057"],
    [{ prompt, n: 3, best_of: 2 }, "best_of", "best_of must be at least n, which is 3, got 2"],
    [{ prompt, best_of: 21 }, "best_of", "best_of must be an integer in [1, 20], got 21"],
    [{ prompt: Array(103).fill("p"), best_of: 20 }, "best_of", "prompts times best_of must be at most 2048, got 2060"],
    [
      { prompt, best_of: 2, stream: true },
      "best_of",
      "best_of above n is not allowed with stream: the best are known at the end",
    ],
    [
      { prompt, use_beam_search: true },
      "use_beam_search",
      "use_beam_search is not supported: there is greedy search and sampling",
    ],
    [{ prompt, guided_json: {} }, "guided_json", "guided_json is not supported: text is not guided"],
    [
      { prompt, response_format: { type: "json_object" } },
      "response_format",
      'response_format is not supported: text is not guided, its type can be "text" only',
    ],
    [{ prompt, logprobs: 6 }, "logprobs", "logprobs must be an integer in [0, 5], got 6"],
    [{ prompt, logprobs: true }, "logprobs", "logprobs must be an integer in [0, 5], got true"],
    [{ prompt, echo: 1 }, "echo", "echo must be a boolean, got 1"],
    [{ prompt, stream: "yes" }, "stream", 'stream must be a boolean, got "yes"'],
    [
      { prompt, stop: ["a", "b", "c", "d", "e"] },
      "stop",
      'stop must be a string or an array of at most 4 strings, got ["a","b","c","d","e"]',
    ],
    [{ prompt, seed: 1.5 }, "seed", "seed must be an integer, got 1.5"],
    [{ prompt, frequency_penalty: 2.5 }, "frequency_penalty", "frequency_penalty must be a number in [-2, 2], got 2.5"],
    [{ prompt, presence_penalty: -3 }, "presence_penalty", "presence_penalty must be a number in [-2, 2], got -3"],
    [{ prompt, logit_bias: [] }, "logit_bias", "logit_bias must be an object, got []"],
    [{ prompt, logit_bias: { 5: "1" } }, "logit_bias.5", 'logit_bias.5 must be a number, got "1"'],
    [{ prompt, logit_bias: { a: 1 } }, "logit_bias", "logit_bias must have token ids as keys, got a"],
    [{ prompt, suffix: "end" }, "suffix", "suffix is not supported: the model completes at the end only"],
    [
      { prompt, stream_options: { include_usage: true } },
      "stream_options",
      "stream_options is allowed with stream only",
    ],
  ])("is named with its value and its limit: %o", async (body, param, message) => {
    expect(await post(body)).toMatchObject(invalid(param, message));
    expect(server.engine.requests).toEqual([]);
  });

  test("is none when it is null, unknown, or the user's name", async () => {
    const nulls = { max_tokens: null, temperature: null, logprobs: null, stop: null, seed: null, logit_bias: null };
    const harmless = { suffix: null, best_of: null, use_beam_search: false, response_format: { type: "text" } };
    const { status } = await post({ prompt, ...nulls, ...harmless, user: "me", unheard_of: 1 });
    expect(status).toBe(200);
    expect(server.engine.requests).toMatchObject([{ prompt, method: "sample", temperature: 1, maxNewTokens: 16 }]);
  });
});

test("a body that is no JSON, or no object, is the caller's mistake", async () => {
  expect(await post("{")).toMatchObject({ status: 400, body: { error: { type: "invalid_request_error" } } });
  const empty = await (await fetch(`${server.url}/v1/completions`, { method: "POST" })).json();
  expect(empty).toEqual(invalid("body", "body must be an object, got nothing").body);
  expect(await post("[]")).toMatchObject(invalid("body", "body must be an object, got []"));
});

describe("what the engine refuses", () => {
  let real: Awaited<ReturnType<typeof serveModel>>;
  beforeEach(async () => {
    const limits = { maxSequenceLength: 32, maxNewTokens: 10, maxConcurrentRequests: 2 };
    real = await serveModel(`${fixtures}/micro-gpt2`, (options) => [openAiApi(options)], limits);
  });
  afterEach(async () => real.stop());

  test.each<[object, string, string, string | null]>([
    [
      { prompt: "p", temperature: 0.01 },
      "temperature",
      "temperature: temperature must be at least 0.05, got 0.01",
      null,
    ],
    [
      { prompt: "p", max_tokens: 11 },
      "max_tokens",
      "max_tokens: the maximum of new tokens must be in [1, 10], got 11",
      null,
    ],
    [{ prompt: "p", stop: "" }, "stop", "stop: there can be at most 6 stop sequences of 1 to 240 bytes", null],
    [{ prompt: [600] }, "prompt", "prompt: the prompt has token 600, which the vocabulary lacks", null],
    [{ prompt: "" }, "prompt", "prompt: the prompt has no tokens", null],
    [
      { prompt: Array(32).fill(5) },
      "prompt",
      "prompt: the prompt must have fewer than 32 tokens, got 32",
      "context_length_exceeded",
    ],
    [
      { prompt: "p", logit_bias: { 600: 1 } },
      "logit_bias",
      "logit_bias: a logit bias is for token 600, which the vocabulary lacks",
      null,
    ],
  ])("is told as the field that the client gave: %o", async (body, param, message, code) => {
    const answers = [
      await ask(`${real.url}/v1/completions`, body),
      await ask(`${real.url}/v1/completions`, { ...body, stream: true }),
    ];
    expect(answers).toMatchObject([invalid(param, message, code), invalid(param, message, code)]);
  });

  test("because of the load ends the choices that had begun, and is 429", async () => {
    const crowd = new OpenAI({ baseURL: `${real.url}/v1`, apiKey: "none", maxRetries: 0 });
    const request = { model: "micro-gpt2", prompt: "p", n: 3 };
    const error = { error: { message: "too many sequences: at most 2", type: "rate_limit_error" } };
    await expect(crowd.completions.create(request)).rejects.toThrow(OpenAI.RateLimitError);
    await expect(crowd.completions.create({ ...request, stream: true })).rejects.toThrow(OpenAI.RateLimitError);
    const answer = await ask(`${real.url}/v1/completions`, request);
    expect(answer).toMatchObject({ status: 429, body: error });
    expect(answer.headers.get("retry-after")).toBe("1");
    await until(() => real.engine.counts.running + real.engine.counts.waiting + real.engine.counts.prefilling === 0);
    expect((await crowd.completions.create({ ...request, n: 2 })).choices.length).toBe(2);
  });
});

describe("an error of the engine", () => {
  const create = async () => client.completions.create({ model: "scripted", prompt: "p" });

  test.each<[Error, number, object]>([
    [
      new OverCapacityError(2),
      429,
      { message: "too many sequences: at most 2", type: "rate_limit_error", code: "rate_limit_exceeded" },
    ],
    [new UnavailableError("draining"), 503, { message: "draining", type: "service_unavailable_error", code: null }],
    [new CancelledError("dropped"), 499, { message: "dropped", type: "cancelled_error", code: null }],
    [
      new InvalidRequestError({ rule: "token-details" }, "our own words"),
      400,
      { message: "our own words", type: "invalid_request_error", param: null },
    ],
  ])("is an error object for %o", async (error, status, told) => {
    server.engine.script = failing(error);
    await expect(create()).rejects.toMatchObject({ status, error: told });
  });

  test("that is a bug is told by a request id only, under which it is logged", async () => {
    server.engine.script = failing(new InternalError("secret"));
    const { status, body } = await post({ prompt: "p" });
    const [entry] = server.logged;
    expect(status).toBe(500);
    const message = `internal error (request id ${String(entry?.fields["requestId"])})`;
    expect(body).toEqual({ error: { message, type: "server_error", param: null, code: null } });
    expect(entry).toMatchObject({ line: "error call failed", fields: { error: new InternalError("secret") } });
  });

  test("in the middle of a stream is thrown by the client, behind what came before", async () => {
    server.engine.script = async function* (request, signal) {
      yield* playing(hello.slice(0, 2))(request, signal);
      throw new UnavailableError("the backend is gone");
    };
    const texts: (string | undefined)[] = [];
    const read = async (): Promise<void> => {
      const stream = await client.completions.create({ model: "scripted", prompt: "p", stream: true });
      for await (const { choices } of stream) texts.push(choices[0]?.text);
    };
    await expect(read()).rejects.toMatchObject({ error: { message: "the backend is gone" } });
    expect(texts).toEqual(["74 dég"]);
  });
});

describe("a client that leaves", () => {
  test("before its answer aborts all of its generations", async () => {
    server.engine.script = hanging;
    const leaving = new AbortController();
    const request = client.completions.create({ model: "scripted", prompt: "p", n: 2 }, { signal: leaving.signal });
    await Promise.all([
      expect(request).rejects.toThrow(OpenAI.APIUserAbortError),
      until(() => server.engine.signals.length === 2).then(() => leaving.abort()),
    ]);
    await until(() => server.engine.signals.every(({ aborted }) => aborted));
  });

  test("in the middle of a stream aborts all of its generations", async () => {
    server.engine.script = async function* (request, signal) {
      yield* playing(hello.slice(0, 2))(request, signal);
      yield* hanging(request, signal);
    };
    const stream = await client.completions.create({ model: "scripted", prompt: "p", n: 2, stream: true });
    for await (const { choices } of stream) if (choices[0]?.index === 1) break;
    await until(() => server.engine.signals.every(({ aborted }) => aborted));
    expect(server.logged).toEqual([]);
  });
});

describe("models", () => {
  test("are the one that is served, under both prefixes", async () => {
    const { data } = await client.models.list();
    expect(data).toEqual([
      { id: "scripted", object: "model", created: expect.any(Number) as number, owned_by: "ortler", max_model_len: 64 },
    ]);
    expect(await client.models.retrieve("scripted")).toEqual(data[0]);
    expect((await ask(`${server.url}/openai/v1/models/scripted`)).body).toEqual(data[0]);
  });

  test("of another name are not found, as slashes and all", async () => {
    const notFound = (name: string) => ({
      status: 404,
      error: {
        message: `The model \`${name}\` does not exist: this server has \`scripted\``,
        type: "invalid_request_error",
        param: "model",
        code: "model_not_found",
      },
    });
    await expect(client.models.retrieve("org/other")).rejects.toMatchObject(notFound("org/other"));
    const create = client.completions.create({ model: "other", prompt: "p" });
    await expect(create).rejects.toMatchObject(notFound("other"));
    const chat = client.chat.completions.create({ model: "other", messages: [{ role: "user", content: "Hi" }] });
    await expect(chat).rejects.toMatchObject(notFound("other"));
  });

  test("may have any name where the server is not strict about it", async () => {
    const lenient = await start({ strictModelNames: false });
    const { status, body } = await ask(`${lenient.url}/v1/completions`, { model: "other", prompt: "p" });
    await lenient.stop();
    expect({ status, body }).toMatchObject({ status: 200, body: { model: "scripted" } });
  });
});

test("chat is refused, because there is no template to make a prompt with", async () => {
  const chat = client.chat.completions.create({ model: "scripted", messages: [{ role: "user", content: "Hi" }] });
  await expect(chat).rejects.toMatchObject({
    status: 400,
    error: {
      message: "The model `scripted` has no chat template: send the whole prompt to /v1/completions",
      type: "invalid_request_error",
      param: "messages",
    },
  });
});
