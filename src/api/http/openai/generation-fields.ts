/** The fields that completions and chat share. */
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
  type Fields,
} from "../../fields.js";
import { invalid } from "./errors.js";
import { isEmpty, notServed } from "./json-fields.js";

const stop = anyOf<readonly string[]>(
  "a string or an array of at most 4 strings",
  mapped(string, (text) => [text]),
  listOf(string, { maxItems: 4 }),
);

const noGuidance = "text is not guided";

const isText = (value: unknown): boolean => (value as { readonly type?: unknown }).type === "text";
const isZero = (value: unknown): boolean => value === 0;

/** OpenAI's, then those that vLLM adds. Unknown fields are ignored, as OpenAI does, unless they would change the text. */
export const generationFields = {
  model: optional(string),
  temperature: withDefault(number({ minimum: 0, maximum: 2 }), 1),
  top_p: withDefault(number({ exclusiveMinimum: 0, maximum: 1 }), 1),
  n: withDefault(integer({ minimum: 1, maximum: 128 }), 1),
  stream: withDefault(boolean, false),
  stream_options: optional(object({ include_usage: withDefault(boolean, false) })),
  stop: withDefault(stop, []),
  seed: optional(integer()),
  frequency_penalty: withDefault(number({ minimum: -2, maximum: 2 }), 0),
  presence_penalty: withDefault(number({ minimum: -2, maximum: 2 }), 0),
  logit_bias: optional(mapOf(number())), // the engine clamps it
  top_k: withDefault(integer({ minimum: -1 }), 0), // -1 and 0 switch it off
  repetition_penalty: withDefault(number({ exclusiveMinimum: 0 }), 1),
  min_tokens: withDefault(integer({ minimum: 0 }), 0),
  ignore_eos: withDefault(boolean, false),
  include_stop_str_in_output: withDefault(boolean, false),
  min_p: notServed("there are top_k and top_p", isZero),
  stop_token_ids: notServed("a text ends with the model's own end of text, or with a stop sequence", isEmpty),
  bad_words: notServed("logit_bias bans tokens", isEmpty),
  allowed_token_ids: notServed("logit_bias bans tokens"),
  truncate_prompt_tokens: notServed("a prompt that is too long is refused"),
  response_format: notServed(`${noGuidance}, its type can be "text" only`, isText),
  use_beam_search: notServed("there is greedy search and sampling"),
  structured_outputs: notServed(noGuidance),
  guided_json: notServed(noGuidance),
  guided_regex: notServed(noGuidance),
  guided_choice: notServed(noGuidance),
  guided_grammar: notServed(noGuidance),
};

export type GenerationBody = Fields<typeof generationFields>;

/** @throws {OpenAiError} when fields do not go together. */
export function checkGenerationBody(body: GenerationBody): void {
  if (body.stream_options !== undefined && !body.stream)
    throw invalid("stream_options", "stream_options is allowed with stream only");
  // The end of text is held back by a minimum of tokens, within which the engine looks for no stop sequence either.
  if (body.ignore_eos && body.stop.length > 0) throw invalid("ignore_eos", "ignore_eos is not allowed with stop");
}
