/** Inference over either wire: the request in REST's shape is read, run, and told as tensors. */
import type { Engine } from "../../engine/engine.js";
import type { Caller } from "../../engine/observer.js";
import { foldEvents } from "../fold.js";
import { FieldError, anyOf, integer, listOf, mapped, object, optional, string, type Fields } from "../fields.js";
import { GenerationGroup } from "../generation-group.js";
import type { TextEngine } from "../text-engine.js";
import { parameters, toEngineRequest } from "./parameters.js";
import { outputMetadata, toOutputTensors, type Tensor } from "./tensors.js";

/** In one request: each element is a request of its own to the engine. */
const maxRows = 2048;

const strings = anyOf<readonly string[]>(
  "a string or an array of one string",
  mapped(string, (text) => [text]),
  listOf(string, { maxItems: 1 }),
);

const head = object({ name: string, datatype: string });

const tensor = object({
  name: string,
  datatype: string,
  shape: listOf(integer({ minimum: 0 })),
  data: mapped(listOf(strings, { minItems: 1, maxItems: maxRows }), (rows) => rows.flat()),
});

/** The datatype comes first: what is wrong with the data of another one does not matter. */
const input: typeof tensor = {
  ...tensor,
  read: (value, path) => {
    const { name, datatype } = head.read(value, path);
    if (datatype !== "BYTES") {
      throw new FieldError(`${path}.datatype`, `input "${name}" must have datatype BYTES, got ${datatype}`);
    }
    return tensor.read(value, path);
  },
};

const fields = {
  id: optional(string),
  parameters,
  inputs: listOf(input, { minItems: 1, maxItems: 1 }),
  outputs: optional(listOf(object({ name: string }))),
};

export type InferRequest = Fields<typeof fields>;

const requestFields = object(fields);

/** The body of `/infer` as the OpenAPI document shows it. */
export const inferSchema = requestFields.schema;

/** @throws {FieldError} when a field is not what it must be, or the tensors are not those of this model. */
export function readInferRequest(json: unknown): InferRequest {
  const request = requestFields.read(json, "");
  for (const { name, shape, data } of request.inputs) {
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements === data.length) continue;
    const rule = `must have the ${elements} elements of its shape, got ${data.length}`;
    throw new FieldError("inputs", `input "${name}" ${rule}`);
  }
  for (const { name } of request.outputs ?? []) {
    if (outputMetadata.some((output) => output.name === name)) continue;
    const names = outputMetadata.map((output) => output.name).join(", ");
    throw new FieldError("outputs", `output "${name}" is unknown: there are ${names}`);
  }
  return request;
}

/** What the engine needs to be for inference. */
export type InferEngine = TextEngine & Pick<Engine, "limits">;

/**
 * All texts at once; when one fails, the others end.
 * @param call aborted when the client goes away.
 * @throws what the engine throws.
 */
export async function infer(
  { inputs, parameters: given, outputs = [] }: InferRequest,
  engine: InferEngine,
  call: AbortSignal,
  caller: Caller,
): Promise<Tensor[]> {
  const texts = inputs.flatMap(({ data }) => data);
  const requests = texts.map((text) => toEngineRequest(text, { ...given, details: false }, engine.limits));
  const group = new GenerationGroup(engine, requests, call, caller);
  const generations = await group.run(async (all) => Promise.all(all.map(foldEvents)));
  return toOutputTensors(
    generations,
    outputs.map(({ name }) => name),
  );
}
