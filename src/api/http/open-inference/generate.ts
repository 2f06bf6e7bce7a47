import type { GenerationEvent } from "../../../engine/request.js";
import type { Generation } from "../../fold.js";
import { finishReasons, parameters, type FinishReason } from "../../open-inference/parameters.js";
import { object, string, type Fields } from "../../fields.js";
import { toToken, type TextModel, type Token } from "../text-model.js";

const fields = { text_input: string, parameters };

export type GenerateBody = Fields<typeof fields>;

const generateFields = object(fields);

/** The body of `/generate` as the OpenAPI document shows it. */
export const generateSchema = generateFields.schema;

/** @throws {FieldError} when a field is not what it must be. */
export function readGenerateBody(json: unknown): GenerateBody {
  return generateFields.read(json, "");
}

/** The model as the path named it. */
export interface ModelName {
  readonly model_name: string;
  readonly model_version?: string;
}

export interface GenerateResult extends ModelName {
  readonly text_output: string;
  /** When asked for. */
  readonly details?: { readonly finish_reason: FinishReason; readonly logprobs: readonly Token[] };
}

/** One event of a stream; with details there is one for each token. */
export interface GeneratePart extends ModelName {
  readonly text_output: string;
  readonly details?: { readonly finish_reason: FinishReason | null; readonly token: Token };
}

export function toGenerateResult(
  { text, stop, completionTokenDetails }: Generation,
  { parameters: { details } }: GenerateBody,
  name: ModelName,
  model: TextModel,
): GenerateResult {
  const logprobs = completionTokenDetails.map((token) => toToken(token, model));
  const told = { finish_reason: finishReasons[stop.reason], logprobs };
  return { ...name, text_output: text, ...(details && { details: told }) };
}

export async function* toGenerateParts(
  events: AsyncIterable<GenerationEvent>,
  name: ModelName,
  model: TextModel,
): AsyncGenerator<GeneratePart> {
  for await (const event of events) {
    if (event.type !== "tokens") continue;
    const { text, stop } = event;
    const [detail] = event.tokens;
    const finishReason = stop === undefined ? null : finishReasons[stop.reason];
    const details = detail && { finish_reason: finishReason, token: toToken(detail, model) };
    yield { ...name, text_output: text, ...(details && { details }) };
  }
}
