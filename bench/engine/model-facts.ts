import { kvBytesPerToken } from "../../src/engine/index.js";
import { architectureOf, openCheckpoint } from "../../src/model/index.js";

/** What a model's memory follows from. */
export interface ModelFacts {
  readonly weightBytes: number;
  readonly kvBytesPerToken: number;
  /** Tokens that one sequence may have. */
  readonly positions: number;
}

export async function modelFacts(folder: string): Promise<ModelFacts> {
  const checkpoint = await openCheckpoint(folder);
  const { weights, shape } = architectureOf(checkpoint).read(checkpoint);
  const weightBytes = weights.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return { weightBytes, kvBytesPerToken: kvBytesPerToken(shape), positions: shape.positions };
}
