/**
 * Memory for two models. While one is swapped for another both are loaded, so with `--watch` each is planned with half
 * of what the process itself leaves of the limit (docs/decisions/0026-hot-swap.md).
 */
import { planCapacity, type Capacity, type CapacityOptions, type MemoryFacts } from "../../engine/capacity.js";
import { ConfigurationError } from "../../errors.js";
import { architectureOf, openCheckpoint, resolveLocalModel, workingBytes } from "../../model/index.js";
import { choosePrecision, residentWeightBytes, type PrecisionOptions } from "../../model/precision/choose.js";
import { NoRoomError } from "./refusal.js";

/** What a loaded model takes when its KV cache is full. */
export interface Footprint {
  readonly model: { readonly weightBytes: number };
  readonly capacity: Pick<Capacity, "kvBytes">;
}

const bytesOf = ({ model, capacity }: Footprint): number => model.weightBytes + capacity.kvBytes;

/** The limit that one of two equal models is to be planned with: its own half, and the process. */
export function halfOf(limitBytes: number): number {
  return workingBytes + Math.floor(Math.max(0, limitBytes - workingBytes) / 2);
}

/** The limit for the model that comes beside `serving`. */
export function limitBeside(serving: Footprint, limitBytes: number): number {
  return Math.min(halfOf(limitBytes), limitBytes - bytesOf(serving));
}

/** Undefined when another model as large as this one fits beside it; else the bytes that both would take. */
export function missingRoom(serving: Footprint, limitBytes: number): { readonly neededBytes: number } | undefined {
  const neededBytes = workingBytes + 2 * bytesOf(serving);
  return neededBytes <= limitBytes ? undefined : { neededBytes };
}

/**
 * From the headers of a model's files, before anything is allocated: a process that is over its limit ends, and with it
 * the model that serves.
 * @param options with the limit that the model has to keep.
 * @throws {NoRoomError} when it does not, with the figures.
 * @throws {CheckpointError} when it cannot be served.
 */
export async function checkRoom(path: string, options: PrecisionOptions & CapacityOptions): Promise<void> {
  const { folder } = await resolveLocalModel(path);
  const checkpoint = await openCheckpoint(folder);
  const blueprint = architectureOf(checkpoint).read(checkpoint);
  const { dtype, kvDtype } = choosePrecision(blueprint, options);
  const weightBytes = residentWeightBytes(blueprint, dtype);
  const { kvBytes } = planned({ shape: blueprint.shape, weightBytes, kvDtype }, options);
  const neededBytes = workingBytes + weightBytes + kvBytes;
  if (neededBytes <= options.memoryLimitBytes) return;
  throw new NoRoomError(
    `it needs ${neededBytes} bytes (weights ${weightBytes}, KV cache ${kvBytes}), and beside the model that serves ` +
      `there are ${options.memoryLimitBytes}`,
  );
}

function planned(facts: MemoryFacts, options: CapacityOptions): Capacity {
  try {
    return planCapacity(facts, options);
  } catch (error) {
    throw error instanceof ConfigurationError ? new NoRoomError(error.message, { cause: error }) : error;
  }
}
