/** Puts the parts together: settings -> model -> engine -> servers (`servers.ts` has the ports). */
import { openDevice } from "./assemble/device.js";
import { loadEngine, type EngineSettings } from "./assemble/load-engine.js";
import { provide, type ProvideParts } from "./assemble/provide.js";
import { processEnvironment } from "./config/environment.js";
import type { Config } from "./config/settings.js";
import { awaitMountedModel, isMountAwaited } from "./model/source/location/await-mount.js";
import { locateModel, type LocatedModel } from "./model/source/location/locate-model.js";
import { describeLocation } from "./model/source/location/model-location.js";
import { isRemote } from "./model/source/provide-model.js";
import type { Servers } from "./servers.js";
import type { EarlyHealth } from "./servers/early-health.js";
import type { Loaded } from "./servers/loaded.js";
import { prepareServers, type Prepared } from "./servers/prepare.js";
import type { Room } from "./servers/swapping/room.js";
import type { Watching } from "./servers/swapping/source.js";
import { shippedModelFolder } from "./shipped-model.js";
import type { Logger } from "./telemetry/log.js";
import { readVersion } from "./version.js";

export type { EngineSettings } from "./assemble/load-engine.js";

/** The model that is served when none is named. */
const shippedModel: LocatedModel = {
  location: { kind: "local", path: shippedModelFolder },
  source: "default",
  text: "the model that ships with Ortler",
};

/** A server that answers. */
export interface Service extends Servers {
  readonly modelId: string;
  /** Of a fetched or an expected model; the files of any other are read once it serves. */
  readonly modelDigest: string | undefined;
}

/**
 * Finds the model, fetches it where it is elsewhere, loads it and makes its engine. They live as long as the process,
 * whose end gives their memory back.
 *
 * @throws {CheckpointError} when the model cannot be served.
 * @throws {ConfigurationError} when a setting does not fit the model or the machine, or the model is not there.
 */
export async function startEngine(settings: EngineSettings, log: Logger): Promise<Loaded> {
  const room = await openDevice(settings, log);
  return loadFirst(settings, await locate(settings, log), log, { room });
}

/**
 * Starts everything that `serve` needs; when it resolves, requests are answered. While a model is waited for or being
 * fetched, the health port says so, and how far it is.
 *
 * @throws {ConfigurationError} for ports, certificates and keys before the model is loaded.
 */
export async function startService(given: Config, log: Logger): Promise<Service> {
  // While a decode is captured nothing else may go to the device, and a swap has two sessions there.
  const config = given.watch ? { ...given, cudaGraphs: false } : given;
  const prepared = prepareServers(config, log);
  const room = await openDevice(config, log);
  const isAwaited = isMountAwaited({ setting: config.model, environment: processEnvironment() });
  const waiting = isAwaited ? await openHealth(config, prepared, log) : undefined;
  waiting?.say("waiting for the model");
  const located = await locate(config, log);
  waiting?.say("loading");
  const watching = config.watch ? await openWatching(config, located, room, log) : undefined;
  const isFetched = watching !== undefined || isRemote(located.location);
  const earlyHealth = waiting ?? (isFetched ? await openHealth(config, prepared, log) : undefined);
  // The wire libraries load while the model's session is made on another thread.
  const [loaded, { startServers }, version] = await Promise.all([
    loadFirst(config, located, log, { room, onProgress: earlyHealth?.onProgress, watching }),
    import("./servers.js"),
    readVersion(),
  ]);
  const source = watching?.sourceAfter(loaded, async (model, parts) =>
    loadEngine(config, { ...model, beganMs: performance.now() }, { ...parts, device: room.device, log }),
  );
  const deviceUse = room.readUse;
  const servers = await startServers(config, loaded, { ...prepared, earlyHealth, source, deviceUse, version, log });
  const { value: modelDigest } = loaded.digest;
  if (modelDigest === undefined) void readDigest(loaded, log);
  return { modelId: loaded.model.id, modelDigest, ...servers };
}

type LocationSettings = Pick<Config, "model" | "modelWaitSeconds">;

async function locate({ model: setting, modelWaitSeconds }: LocationSettings, log: Logger): Promise<LocatedModel> {
  const environment = processEnvironment();
  const limitMs = modelWaitSeconds * 1000;
  const onWait = (folder: string): void => log.info("waiting for the model", { folder, limitMs });
  await awaitMountedModel({ setting, environment, limitMs, onWait });
  const located = locateModel({ setting, environment }) ?? shippedModel;
  log.info("model is", { model: describeLocation(located.location), named_by: located.source });
  return located;
}

/** Undefined when health has no port of its own. */
async function openHealth(config: Config, { ports }: Prepared, log: Logger): Promise<EarlyHealth | undefined> {
  const planned = ports.find(({ serves }) => serves === "health");
  if (planned === undefined) return undefined;
  const { openEarlyHealth } = await import("./servers/early-health.js");
  return openEarlyHealth(config, planned, log);
}

async function openWatching(config: Config, { location }: LocatedModel, room: Room, log: Logger): Promise<Watching> {
  const source = await import("./servers/swapping/source.js");
  return source.openWatching(config, location, room, log);
}

interface FirstParts extends Pick<ProvideParts, "onProgress"> {
  readonly room: Room;
  /** Of the model's place, with `--watch`. */
  readonly watching?: Watching | undefined;
}

async function loadFirst(
  settings: EngineSettings,
  located: LocatedModel,
  log: Logger,
  { room: { device, limitBytes }, onProgress, watching }: FirstParts,
): Promise<Loaded> {
  const provided = await provide(settings, located, log, { onProgress, watch: watching?.watch });
  const memoryLimits = watching?.memoryLimits ?? [limitBytes];
  return loadEngine(settings, provided, { id: idOf(settings, located), device, memoryLimits, log });
}

/** Beside the requests of a model that serves already. */
async function readDigest({ digest, ending }: Loaded, log: Logger): Promise<void> {
  const start = performance.now();
  try {
    log.info("model digest", { digest: await digest.read(ending), ms: Math.round(performance.now() - start) });
  } catch (error) {
    if (!ending.aborted) log.warn("the digest of the model's files could not be taken", { error });
  }
}

/** In the hub's cache a folder is named by a commit; elsewhere the model's folder is its name. */
function idOf({ modelId }: Pick<Config, "modelId">, { location }: LocatedModel): string | undefined {
  if (modelId !== "") return modelId;
  return location.kind === "hub-cache" ? location.model : undefined;
}
