/** A message in the shape of REST's body, so that one table reads both, in the same words. */
import { status } from "@grpc/grpc-js";
import { StatusError } from "../../errors.js";
import { FieldError } from "../../fields.js";
import { readInferRequest, type InferRequest } from "../../open-inference/infer.js";
import type { ModelInferRequest, ModelInferRequest_InferInputTensor } from "../generated/inference/grpc_service_pb.js";
import { toParameters } from "./parameters.js";
import { elementsOf } from "./raw-contents.js";

/** @throws {StatusError} INVALID_ARGUMENT when a field is not what it must be. */
export function readMessage(message: ModelInferRequest): InferRequest {
  try {
    return readInferRequest(toBody(message));
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    throw new StatusError(status.INVALID_ARGUMENT, error.message, { cause: error });
  }
}

function toBody({ parameters, inputs, outputs, rawInputContents }: ModelInferRequest): object {
  const isRaw = rawInputContents.length > 0;
  if (isRaw && rawInputContents.length !== inputs.length) {
    const rule = `must have one entry for each of the ${inputs.length} inputs, got ${rawInputContents.length}`;
    throw new FieldError("raw_input_contents", `raw_input_contents ${rule}`);
  }
  return {
    parameters: toParameters(parameters),
    inputs: inputs.map((input, index) => ({
      name: input.name,
      datatype: input.datatype,
      shape: input.shape.map(Number),
      data: textsOf(input, rawInputContents[index], `inputs[${index}]`),
    })),
    outputs: outputs.map(({ name }) => ({ name })),
  };
}

/** Empty for another datatype than BYTES, which is refused whatever it holds. */
function textsOf(input: ModelInferRequest_InferInputTensor, raw: Uint8Array | undefined, path: string): string[] {
  const { name, datatype, contents } = input;
  if (raw !== undefined && contents !== undefined) {
    throw new FieldError(path, `input "${name}" must not have contents beside raw_input_contents`);
  }
  if (datatype !== "BYTES") return [];
  const elements = raw === undefined ? (contents?.bytesContents ?? []) : elementsOf(raw, name);
  if (elements.length === 0) throw new FieldError(path, `input "${name}" has no bytes_contents`);
  return elements.map((bytes, index) => decoded(bytes, path, `element ${index} of input "${name}"`));
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }); // a mark of byte order is part of the text

function decoded(bytes: Uint8Array, path: string, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new FieldError(path, `${what} must be UTF-8`);
  }
}
