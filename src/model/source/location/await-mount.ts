/**
 * Waits for a model that is brought while this process starts. KServe says so with `MODEL_INIT_MODE=async`: the model is
 * an OCI image that runs beside us (a "modelcar"), and `/mnt/models` becomes a link into its file system when it runs.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Environment } from "../../../config/environment.js";
import { UnavailableError } from "../../../errors.js";
import { systemErrorCode } from "../../checkpoint/json.js";
import { hasEntries } from "./folders.js";
import { mountedModel, parseModelLocation } from "./model-location.js";
import { modelVariables } from "./names.js";

export interface AwaitMountOptions {
  /** The setting `model`; empty when it is not set. */
  readonly setting: string;
  readonly environment: Environment;
  /** How long to wait: by default as long as Knative gives a first start. */
  readonly limitMs?: number;
  readonly pollMs?: number;
  /** Where the model will be; tests give their own. */
  readonly mounted?: string;
  /** Told once, with the folder, when there is something to wait for. */
  readonly onWait: (folder: string) => void;
}

/**
 * Returns at once where nothing is brought, or another place was named.
 * @throws {UnavailableError} when the folder is missing, unreadable or empty when the time is over.
 */
export async function awaitMountedModel(options: AwaitMountOptions): Promise<void> {
  const { limitMs = 600_000, pollMs = 100, mounted = mountedModel, onWait } = options;
  if (!isAwaited(options, mounted)) return;
  const end = performance.now() + limitMs;
  let fault = faultOf(mounted);
  if (fault !== undefined) onWait(mounted);
  while (fault !== undefined) {
    if (performance.now() >= end) throw notBrought(mounted, limitMs, fault);
    await delay(pollMs);
    fault = faultOf(mounted);
  }
}

function isAwaited({ setting, environment }: AwaitMountOptions, mounted: string): boolean {
  if (environment["MODEL_INIT_MODE"]?.toLowerCase() !== "async") return false;
  const named = [setting, ...modelVariables.map((name) => environment[name] ?? "")].find((text) => text !== "");
  if (named === undefined) return true;
  const location = parseModelLocation(named);
  return location.kind === "local" && `${location.path}/`.startsWith(`${mounted}/`);
}

/** Undefined when there is a folder with something in it. */
function faultOf(folder: string): string | undefined {
  try {
    return hasEntries(folder) ? undefined : "there is nothing";
  } catch (error) {
    return systemErrorCode(error) ?? String(error);
  }
}

function notBrought(folder: string, limitMs: number, fault: string): UnavailableError {
  return new UnavailableError(
    `no model at ${folder} after ${limitMs / 1000} s (${fault}): MODEL_INIT_MODE=async says that another container of ` +
      "this pod brings it",
  );
}
