import type { Generation } from "../../fold.js";
import { anyOf, integer, listOf, mapped, object, optional, string, type Fields } from "../fields.js";
import { OpenInferenceError } from "./errors.js";
import { finishReasons, parameters } from "./parameters.js";

/** A tensor as the protocol tells it. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: "BYTES" | "UINT32";
  /** -1 = any. */
  readonly shape: readonly number[];
}

export interface Tensor extends TensorMetadata {
  readonly data: readonly (string | number)[];
}

export interface InferResult {
  readonly model_name: string;
  readonly id?: string;
  readonly outputs: readonly Tensor[];
}

/** One text for each element; whatever the client calls it, there is one input. */
export const inputMetadata: TensorMetadata = { name: "text_input", datatype: "BYTES", shape: [-1] };

interface Output extends TensorMetadata {
  readonly valueOf: (generation: Generation) => string | number;
}

/** What is told of each generation. */
const outputs: readonly Output[] = [
  { name: "text_output", datatype: "BYTES", shape: [-1], valueOf: ({ text }) => text },
  { name: "finish_reason", datatype: "BYTES", shape: [-1], valueOf: ({ stop }) => finishReasons[stop.reason] },
  { name: "prompt_tokens", datatype: "UINT32", shape: [-1], valueOf: ({ promptTokens }) => promptTokens },
  { name: "completion_tokens", datatype: "UINT32", shape: [-1], valueOf: ({ completionTokens }) => completionTokens },
];

export const outputMetadata: readonly TensorMetadata[] = outputs.map(({ name, datatype, shape }) => ({
  name,
  datatype,
  shape,
}));

/** In one request: each element is a request of its own to the engine. */
const maxRows = 2048;

const strings = anyOf<readonly string[]>(
  "a string or an array of one string",
  mapped(string, (text) => [text]),
  listOf(string, { maxItems: 1 }),
);

const input = object({
  name: string,
  datatype: string,
  shape: listOf(integer({ minimum: 0 })),
  data: mapped(listOf(strings, { minItems: 1, maxItems: maxRows }), (rows) => rows.flat()),
});

const fields = {
  id: optional(string),
  parameters,
  inputs: listOf(input, { minItems: 1, maxItems: 1 }),
  outputs: optional(listOf(object({ name: string }))),
};

export type InferBody = Fields<typeof fields>;

const inferFields = object(fields);

/** The body of `/infer` as the OpenAPI document shows it. */
export const inferSchema = inferFields.schema;

/**
 * @throws {FieldError} when a field is not what it must be.
 * @throws {OpenInferenceError} when the tensors are not those of this model.
 */
export function readInferBody(json: unknown): InferBody {
  const body = inferFields.read(json, "");
  for (const { name, datatype, shape, data } of body.inputs) {
    if (datatype !== "BYTES") throw invalid(`input "${name}" must have datatype BYTES, got ${datatype}`);
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements === data.length) continue;
    throw invalid(`input "${name}" must have the ${elements} elements of its shape, got ${data.length}`);
  }
  for (const { name } of body.outputs ?? []) {
    if (outputs.some((output) => output.name === name)) continue;
    const names = outputs.map((output) => output.name).join(", ");
    throw invalid(`output "${name}" is unknown: there are ${names}`);
  }
  return body;
}

/** The outputs that were asked for, in that order; all of them when none was. */
export function toInferResult(generations: readonly Generation[], body: InferBody, model: string): InferResult {
  const asked = body.outputs?.flatMap(({ name }) => outputs.filter((output) => output.name === name)) ?? [];
  const told = (asked.length === 0 ? outputs : asked).map(({ name, datatype, valueOf }) => ({
    name,
    datatype,
    shape: [generations.length],
    data: generations.map(valueOf),
  }));
  return { model_name: model, ...(body.id !== undefined && { id: body.id }), outputs: told };
}

const invalid = (message: string): OpenInferenceError => new OpenInferenceError(400, message);
