import {
  anyOf,
  boolean,
  integer,
  listOf,
  mapped,
  object,
  optional,
  string,
  withDefault,
  type Field,
  type Fields,
} from "../../fields.js";
import { invalid } from "./errors.js";
import { checkGenerationBody, generationFields } from "./generation-fields.js";

/** One prompt of a request: text, or token ids. */
export type Prompt = string | readonly number[];

/** For one answer: each is a request of its own to the engine. */
const maxGenerations = 2048;

/** Candidates of which the best are told. OpenAI's limit. */
const maxBestOf = 20;

const tokenId = integer({ minimum: 0 });
const tokenIds: Field<readonly Prompt[]> = mapped(listOf(tokenId, { minItems: 1 }), (ids) => [ids]);

const prompts = anyOf<readonly Prompt[]>(
  "a string, an array of strings, an array of token ids, or an array of arrays of token ids",
  mapped(string, (text) => [text]),
  listOf(string, { minItems: 1 }),
  tokenIds,
  listOf(listOf(tokenId, { minItems: 1 }), { minItems: 1 }),
);

/** The fields of `/completions`. */
const fields = {
  ...generationFields,
  prompt: prompts,
  max_tokens: optional(integer({ minimum: 1 })),
  best_of: optional(integer({ minimum: 1, maximum: maxBestOf })),
  logprobs: optional(integer({ minimum: 0, maximum: 5 })),
  echo: withDefault(boolean, false),
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
  checkGenerationBody(body);
  checkBestOf(body);
  const generations = body.prompt.length * candidatesOf(body);
  if (generations > maxGenerations) {
    const field = body.best_of === undefined ? "n" : "best_of";
    throw invalid(field, `prompts times ${field} must be at most ${maxGenerations}, got ${generations}`);
  }
  return body;
}

function checkBestOf({ best_of: bestOf, n, stream }: CompletionBody): void {
  if (bestOf === undefined || bestOf === n) return;
  if (bestOf < n) throw invalid("best_of", `best_of must be at least n, which is ${n}, got ${bestOf}`);
  if (stream) throw invalid("best_of", "best_of above n is not allowed with stream: the best are known at the end");
}

/** How many generations each prompt has, of which `n` are told. */
export function candidatesOf({ best_of: bestOf, n }: Pick<CompletionBody, "best_of" | "n">): number {
  return bestOf ?? n;
}
