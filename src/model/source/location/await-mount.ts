/**
 * Waits for a model that is brought while this process starts. KServe says so with `MODEL_INIT_MODE=async`: the model is
 * an OCI image that runs beside us (a "modelcar"), and `/mnt/models` becomes a link into its file system when it runs.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Environment } from "../../../config/environment.js";
import { ConfigurationError, UnavailableError } from "../../../errors.js";
import { isForbidden } from "../../checkpoint/access.js";
import { systemErrorCode } from "../../checkpoint/json.js";
import { hasEntries } from "./folders.js";
import { mountedModel, parseModelLocation } from "./model-location.js";
import { modelVariables } from "./names.js";

export interface MountOptions {
  /** The setting `model`; empty when it is not set. */
  readonly setting: string;
  readonly environment: Environment;
  /** Where the model will be; tests give their own. */
  readonly mounted?: string;
}

export interface AwaitMountOptions extends MountOptions {
  readonly limitMs: number;
  readonly pollMs?: number;
  /** Told once, with the folder, when there is something to wait for. */
  readonly onWait: (folder: string) => void;
}

/**
 * Whether another container brings the model, and has not yet.
 * @throws {ConfigurationError} when this process may not read where it will be.
 */
export function isMountAwaited({ setting, environment, mounted = mountedModel }: MountOptions): boolean {
  return isBrought(setting, environment, mounted) && faultOf(mounted) !== undefined;
}

/**
 * Returns at once where nothing is brought, or another place was named.
 * @throws {UnavailableError} when the folder is missing or empty when the time is over.
 * @throws {ConfigurationError} at once when this process may not read it.
 */
export async function awaitMountedModel(options: AwaitMountOptions): Promise<void> {
  const { setting, environment, limitMs, pollMs = 100, mounted = mountedModel, onWait } = options;
  if (!isBrought(setting, environment, mounted)) return;
  const end = performance.now() + limitMs;
  let fault = faultOf(mounted);
  if (fault !== undefined) onWait(mounted);
  while (fault !== undefined) {
    if (performance.now() >= end) throw notBrought(mounted, limitMs, fault);
    await delay(pollMs);
    fault = faultOf(mounted);
  }
}

function isBrought(setting: string, environment: Environment, mounted: string): boolean {
  if (environment["MODEL_INIT_MODE"]?.toLowerCase() !== "async") return false;
  const named = [setting, ...modelVariables.map((name) => environment[name] ?? "")].find((text) => text !== "");
  if (named === undefined) return true;
  const location = parseModelLocation(named);
  return location.kind === "local" && `${location.path}/`.startsWith(`${mounted}/`);
}

/**
 * Undefined when there is a folder with something in it. What the other container has only begun to make may fail in
 * many ways, and then succeed; what is forbidden stays so, since both containers keep their users.
 */
function faultOf(folder: string): string | undefined {
  try {
    return hasEntries(folder) ? undefined : "there is nothing";
  } catch (error) {
    if (!(error instanceof ConfigurationError) || isForbidden(error.cause)) throw error;
    return systemErrorCode(error.cause) ?? error.message;
  }
}

function notBrought(folder: string, limitMs: number, fault: string): UnavailableError {
  return new UnavailableError(
    `no model at ${folder} after ${limitMs / 1000} s (${fault}): MODEL_INIT_MODE=async says that another container of ` +
      "this pod brings it, and --model-wait-seconds how long to wait for it",
  );
}
