/** Where new models come from with `--watch`, and the memory that they are loaded into. */
import { processEnvironment } from "../../config/environment.js";
import type { Config } from "../../config/settings.js";
import { fetchOptions } from "../../model/source/fetch-settings.js";
import type { ModelLocation } from "../../model/source/location/model-location.js";
import type { ModelWatch } from "../../model/source/watch/model-watch.js";
import { openWatch } from "../../model/source/watch/open-watch.js";
import type { Logger } from "../../telemetry/log.js";
import type { Loaded } from "../loaded.js";
import { checkRoom, halfOf, limitBeside, missingRoom, type Room } from "./room.js";
import type { ModelSource, NewModel } from "./swapper.js";

/** How a model is to be loaded beside another one. */
export interface LoadBeside {
  /** The name under which it is served: the same as before. */
  readonly id: string;
  readonly memoryLimits: readonly number[];
}

export type Load = (model: NewModel, parts: LoadBeside) => Promise<Loaded>;

export interface Watching {
  /** Has the first model too. */
  readonly watch: ModelWatch;
  /** To load the first model with: half of the memory, or all of it where half is too little for a sequence. */
  readonly memoryLimits: readonly number[];
  /** New models for the memory that `first`, or what serves after it, leaves; says so when that is too little. */
  readonly sourceAfter: (first: Loaded, load: Load) => ModelSource;
}

/**
 * @param room for all models together.
 * @throws {ConfigurationError} when what is there cannot change.
 */
export async function openWatching(
  config: Config,
  location: ModelLocation,
  room: Room,
  log: Logger,
): Promise<Watching> {
  const watch = await openWatch(location, {
    environment: processEnvironment(),
    ...fetchOptions(config),
    intervalMs: config.watchIntervalSeconds * 1000,
    onWarning: (message) => log.warn(message),
    log,
  });
  return {
    watch,
    memoryLimits: [halfOf(room), room.limitBytes],
    sourceAfter: (first, load) => {
      warnWithoutRoom(first, room, log);
      return modelSource(config, watch, room, load);
    },
  };
}

function modelSource(config: Config, watch: ModelWatch, room: Room, load: Load): ModelSource {
  const { dtype, kvDtype, maxSlots, maxSequenceLength, kvMemory: kvMemoryBytes } = config;
  const planned = { device: room.device, dtype, kvDtype, maxSlots, maxSequenceLength, kvMemoryBytes };
  return {
    maxSequenceLength,
    next: async (signal) => watch.next(signal),
    checkRoom: async ({ folder }, serving) =>
      checkRoom(folder, { ...planned, memoryLimitBytes: limitBeside(serving, room) }),
    load: async (model, serving) => load(model, { id: serving.model.id, memoryLimits: [limitBeside(serving, room)] }),
  };
}

function warnWithoutRoom(first: Loaded, room: Room, log: Pick<Logger, "warn">): void {
  const missing = missingRoom(first, room);
  if (missing === undefined) return;
  const { model, capacity } = first;
  log.warn("no room for a second model like this one: --watch would refuse it", {
    ...{ memoryLimitBytes: room.limitBytes, weightBytes: model.weightBytes, kvBytes: capacity.kvBytes },
    ...missing,
  });
}
