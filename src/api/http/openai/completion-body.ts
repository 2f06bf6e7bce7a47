import {
  anyOf,
  boolean,
  integer,
  listOf,
  mapOf,
  mapped,
  number,
  object,
  optional,
  string,
  withDefault,
  type Field,
  type Fields,
} from "../../fields.js";
import { invalid } from "./errors.js";

/** One prompt of a request: text, or token ids. */
export type Prompt = string | readonly number[];

/** In one answer: each is a request of its own to the engine. */
const maxChoices = 2048;

const tokenId = integer({ minimum: 0 });
const tokenIds: Field<readonly Prompt[]> = mapped(listOf(tokenId, { minItems: 1 }), (ids) => [ids]);

const prompts = anyOf<readonly Prompt[]>(
  "a string, an array of strings, an array of token ids, or an array of arrays of token ids",
  mapped(string, (text) => [text]),
  listOf(string, { minItems: 1 }),
  tokenIds,
  listOf(listOf(tokenId, { minItems: 1 }), { minItems: 1 }),
);

const stop = anyOf<readonly string[]>(
  "a string or an array of at most 4 strings",
  mapped(string, (text) => [text]),
  listOf(string, { maxItems: 4 }),
);

/** The fields of `/completions`; OpenAI ignores others, among them `user`, which is not needed here. */
const fields = {
  model: optional(string),
  prompt: prompts,
  max_tokens: optional(integer({ minimum: 1 })),
  temperature: withDefault(number({ minimum: 0, maximum: 2 }), 1),
  top_p: withDefault(number({ exclusiveMinimum: 0, maximum: 1 }), 1),
  n: withDefault(integer({ minimum: 1, maximum: 128 }), 1),
  best_of: optional(integer({ minimum: 1, maximum: 128 })),
  stream: withDefault(boolean, false),
  stream_options: optional(object({ include_usage: withDefault(boolean, false) })),
  logprobs: optional(integer({ minimum: 0, maximum: 5 })),
  echo: withDefault(boolean, false),
  stop: withDefault(stop, []),
  seed: optional(integer()),
  frequency_penalty: withDefault(number({ minimum: -2, maximum: 2 }), 0),
  presence_penalty: withDefault(number({ minimum: -2, maximum: 2 }), 0),
  logit_bias: optional(mapOf(number())), // the engine clamps it
  suffix: withDefault(string, ""),
};

export type CompletionBody = Fields<typeof fields>;

const completionFields = object(fields);

/** The body of `/completions` as the OpenAPI document shows it. */
export const completionSchema = completionFields.schema;

/**
 * @throws {FieldError} when a field is not what it must be.
 * @throws {OpenAiError} when fields do not go together, or ask for what is not served.
 */
export function readCompletionBody(json: unknown): CompletionBody {
  const body = completionFields.read(json, "");
  if (body.suffix !== "") throw invalid("suffix", "suffix is not supported: the model completes at the end only");
  if (body.best_of !== undefined && body.best_of !== body.n) {
    throw invalid("best_of", `best_of must be n, which is ${body.n}, or left out, got ${body.best_of}`);
  }
  const choices = body.prompt.length * body.n;
  if (choices > maxChoices) throw invalid("n", `prompts times n must be at most ${maxChoices}, got ${choices}`);
  if (body.stream_options !== undefined && !body.stream) {
    throw invalid("stream_options", "stream_options is allowed with stream only");
  }
  return body;
}
