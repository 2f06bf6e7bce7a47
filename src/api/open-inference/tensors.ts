import type { Generation } from "../fold.js";
import { finishReasons } from "./parameters.js";

/** A tensor as the protocol describes it. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: "BYTES" | "UINT32";
  /** -1 = any. */
  readonly shape: readonly number[];
}

export interface Tensor extends TensorMetadata {
  /** Texts when the datatype is BYTES, else numbers. */
  readonly data: readonly (string | number)[];
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

/** @param names the outputs that were asked for, in that order; all of them when none was. */
export function toOutputTensors(generations: readonly Generation[], names: readonly string[]): Tensor[] {
  const asked = names.flatMap((name) => outputs.filter((output) => output.name === name));
  return (asked.length === 0 ? outputs : asked).map(({ name, datatype, valueOf }) => ({
    name,
    datatype,
    shape: [generations.length],
    data: generations.map(valueOf),
  }));
}
