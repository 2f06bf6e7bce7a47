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
import { notServed } from "./json-fields.js";

const stop = anyOf<readonly string[]>(
  "a string or an array of at most 4 strings",
  mapped(string, (text) => [text]),
  listOf(string, { maxItems: 4 }),
);

const noGuidance = "text is not guided";

const isText = (value: unknown): boolean => (value as { readonly type?: unknown }).type === "text";

/** OpenAI ignores fields that it does not know; so does this, unless they would change the text. */
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
export function checkGenerationBody({ stream_options: streamOptions, stream }: GenerationBody): void {
  if (streamOptions !== undefined && !stream)
    throw invalid("stream_options", "stream_options is allowed with stream only");
}
