/**
 * Memory for two models. While one is swapped for another both are loaded, so with `--watch` each is planned with half
 * of it: of what the process itself leaves of its limit, or of a device's (docs/decisions/0026-hot-swap.md).
 */
import { planCapacity, type Capacity, type CapacityOptions, type MemoryFacts } from "../../engine/capacity.js";
import { ConfigurationError } from "../../errors.js";
import { architectureOf, openCheckpoint, resolveLocalModel, workingBytes } from "../../model/index.js";
import { choosePrecision, residentWeightBytes, type PrecisionOptions } from "../../model/precision/choose.js";
import type { DeviceChoice } from "../../ort/index.js";
import { NoRoomError } from "./refusal.js";

/** The memory that models have, and where it is. */
export interface Room {
  readonly device: DeviceChoice;
  readonly limitBytes: number;
}

/** What a loaded model takes when its KV cache is full. */
export interface Footprint {
  readonly model: { readonly weightBytes: number };
  readonly capacity: Pick<Capacity, "kvBytes">;
}

/**
 * What there is beside weights and caches. In the process's memory it is there once for all models; in a device's, where
 * it is what steps work in, each model's session has its own.
 */
function workingBytesIn({ device }: Room): { readonly shared: number; readonly each: number } {
  return device.kind === "cpu" ? { shared: workingBytes, each: 0 } : { shared: 0, each: workingBytes };
}

function bytesIn(room: Room, { model, capacity }: Footprint): number {
  return model.weightBytes + capacity.kvBytes + workingBytesIn(room).each;
}

/** The limit that one of two equal models is to be planned with: its own half, and what both share. */
export function halfOf(room: Room): number {
  const { shared } = workingBytesIn(room);
  return shared + Math.floor(Math.max(0, room.limitBytes - shared) / 2);
}

/** The limit for the model that comes beside `serving`. */
export function limitBeside(serving: Footprint, room: Room): number {
  return Math.min(halfOf(room), room.limitBytes - bytesIn(room, serving));
}

/** Undefined when another model as large as this one fits beside it; else the bytes that both would take. */
export function missingRoom(serving: Footprint, room: Room): { readonly neededBytes: number } | undefined {
  const neededBytes = workingBytesIn(room).shared + 2 * bytesIn(room, serving);
  return neededBytes <= room.limitBytes ? undefined : { neededBytes };
}

export type RoomOptions = PrecisionOptions & CapacityOptions & Pick<Room, "device">;

/**
 * From the headers of a model's files, before anything is allocated: a process that is over its limit ends, and with it
 * the model that serves.
 * @param options with the limit that the model has to keep.
 * @throws {NoRoomError} when it does not, with the figures.
 * @throws {CheckpointError} when it cannot be served.
 */
export async function checkRoom(path: string, options: RoomOptions): Promise<void> {
  const { folder } = await resolveLocalModel(path);
  const checkpoint = await openCheckpoint(folder);
  const blueprint = architectureOf(checkpoint).read(checkpoint);
  const { dtype, kvDtype } = choosePrecision(blueprint, options);
  const weightBytes = residentWeightBytes(blueprint, dtype);
  const { kvBytes } = planned({ shape: blueprint.shape, weightBytes, kvDtype, device: options.device }, options);
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
