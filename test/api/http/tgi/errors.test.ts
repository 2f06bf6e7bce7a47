import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { tgiApi } from "../../../../src/api/http/tgi/index.js";
import { CancelledError, InternalError, OverCapacityError, UnavailableError } from "../../../../src/errors.js";
import type { GenerationEvent } from "../../../../src/engine/request.js";
import type { HttpApi } from "../../../../src/api/http/api.js";
import type { TextApiOptions } from "../../../../src/api/http/text-model.js";
import { ask, askForEvents, serveModel, serveScript } from "../../../support/http-texts.js";
import { fixtures } from "../../../support/reference.js";
import { failing, playing } from "../../../support/scripted-engine.js";

const make = (options: TextApiOptions): HttpApi[] => [tgiApi({ ...options, version: "1", maxConcurrentRequests: 2 })];

const refused = (message: string) => ({
  status: 422,
  body: { error: `Input validation error: ${message}`, error_type: "validation" },
});

describe("a request with a mistake", () => {
  let real: Awaited<ReturnType<typeof serveModel>>;
  beforeAll(async () => {
    real = await serveModel(`${fixtures}/micro-gpt2`, make, { maxSequenceLength: 32, maxNewTokens: 10 });
  });
  afterAll(async () => real.stop());

  test.each<[object, string]>([
    [{ best_of: 2 }, "`best_of` must be > 0 and <= 1. Given: 2"],
    [{ watermark: true }, "`watermark` == true is not supported"],
    [{ grammar: { type: "json", value: {} } }, "`grammar` is not supported"],
    [{ adapter_id: "x" }, "`adapter_id` is not supported. Given: x"],
    [{ temperature: 0 }, "`temperature` must be strictly positive. Given: 0"],
    [{ temperature: 0.01 }, "`temperature` must be >= 0.05. Given: 0.01"],
    [{ repetition_penalty: 0 }, "`repetition_penalty` must be strictly positive. Given: 0"],
    [{ frequency_penalty: 3 }, "`frequency_penalty` must be >= -2.0 and <= 2.0. Given: 3"],
    [{ top_k: 0 }, "`top_k` must be strictly positive. Given: 0"],
    [{ top_p: 0 }, "`top_p` must be > 0.0 and <= 1.0. Given: 0"],
    [{ top_p: 1.1 }, "`top_p` must be > 0.0 and <= 1.0. Given: 1.1"],
    [{ typical_p: -1 }, "`typical_p` must be > 0.0 and <= 1.0. Given: -1"],
    [{ max_new_tokens: 0 }, "`max_new_tokens` must be strictly positive. Given: 0"],
    [{ max_new_tokens: 11 }, "`max_new_tokens` must be > 0 and <= 10. Given: 11"],
    [{ truncate: 0 }, "`truncate` must be strictly positive. Given: 0"],
    [{ stop: Array(7).fill("a") }, "`stop` supports up to 6 stop sequences of 1 to 240 bytes. Given: 7"],
    [{ details: true, top_n_tokens: 11 }, "`top_n_tokens` must be >= 0 and <= 10. Given: 11"],
    [{ max_new_tokens: "5" }, 'parameters.max_new_tokens must be an integer, got "5"'],
    [{ stop: ["a", 1] }, "parameters.stop[1] must be a string, got 1"],
    [{ seed: -1 }, "parameters.seed must be an integer in [0, infinity), got -1"],
  ])("is told the field, the value and the limit: %o", async (parameters, message) => {
    expect(await ask(`${real.url}/generate`, { inputs: "a", parameters })).toMatchObject(refused(message));
    expect(await ask(`${real.url}/generate_stream`, { inputs: "a", parameters })).toMatchObject(refused(message));
  });

  test("may be in its inputs", async () => {
    const generate = async (body: object) => ask(`${real.url}/generate`, body);
    expect(await generate({})).toMatchObject(refused("inputs is missing"));
    expect(await generate({ inputs: "" })).toMatchObject(refused("`inputs` cannot be empty"));
    const long = "\u0001".repeat(40);
    expect(await generate({ inputs: long })).toMatchObject(
      refused("`inputs` must have less than 32 tokens. Given: 40"),
    );
  });

  test("may be to ask a stream for the prompt's tokens", async () => {
    const parameters = { decoder_input_details: true };
    expect(await ask(`${real.url}/generate_stream`, { inputs: "a", parameters })).toMatchObject(
      refused("`decoder_input_details` == true is not supported when streaming tokens"),
    );
  });

  test("may be no JSON", async () => {
    expect(await ask(`${real.url}/generate`, "{")).toMatchObject({ status: 400, body: { error_type: "validation" } });
  });
});

describe("an error of the engine", () => {
  let server: Awaited<ReturnType<typeof serveScript>>;
  beforeEach(async () => void (server = await serveScript(make)));
  afterEach(async () => server.stop());

  test.each<[Error, number, string, string]>([
    [new OverCapacityError(2), 429, "Model is overloaded", "overloaded"],
    [new UnavailableError("draining"), 503, "draining", "unhealthy"],
    [new CancelledError("dropped"), 499, "dropped", "generation"],
  ])("%o is answered %i, whole or streamed", async (thrown, status, error, error_type) => {
    server.engine.script = failing(thrown);
    for (const path of ["generate", "generate_stream", ""]) {
      const answer = await ask(`${server.url}/${path}`, { inputs: "a" });
      expect(answer).toMatchObject({ status, body: { error, error_type } });
    }
  });

  test("that is a bug is told by a request id only, under which it is logged", async () => {
    server.engine.script = failing(new InternalError("secret"));
    const answer = await ask(`${server.url}/generate`, { inputs: "a" });
    const error = `Request failed during generation: internal error (request id ${String(server.logged[0]?.fields["requestId"])})`;
    expect(answer).toMatchObject({ status: 424, body: { error, error_type: "generation" } });
  });

  test("in the middle of a stream is its last event", async () => {
    const token = { id: 97, piece: "a", logprob: -1, rank: 0, top: [] };
    const begin: GenerationEvent[] = [
      { type: "started", promptTokens: 1, seed: 0n, text: "" },
      { type: "tokens", text: "a", tokens: [token], completionTokens: 1 },
    ];
    server.engine.script = async function* (request, signal) {
      yield* playing(begin)(request, signal);
      throw new UnavailableError("the backend is gone");
    };
    expect(await askForEvents(`${server.url}/generate_stream`, { inputs: "a" })).toEqual([
      { index: 1, token: { id: 97, text: "a", logprob: -1, special: false }, generated_text: null, details: null },
      { error: "the backend is gone", error_type: "unhealthy" },
    ]);
  });

  test("does not hide that a special token is told by its name", async () => {
    const token = { id: 0, piece: "<|endoftext|>", logprob: -1, rank: 0, top: [] };
    const started = { type: "started", promptTokens: 1, seed: 0n, text: "" } as const;
    const stop = { reason: "eos" } as const;
    server.engine.script = playing([started, { type: "tokens", text: "", tokens: [token], completionTokens: 1, stop }]);
    const answer = await ask(`${server.url}/generate`, { inputs: "a", parameters: { details: true } });
    const tokens = [{ id: 0, text: "<|endoftext|>", logprob: -1, special: true }];
    expect(answer.body).toMatchObject({ generated_text: "", details: { finish_reason: "eos_token", tokens } });
  });
});
