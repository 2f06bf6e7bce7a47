import { EngineHealth } from "../api/http/health/engine-health.js";
import { openChatPrompts } from "../api/http/openai/index.js";
import type { OpenAiServing } from "../api/http/openai/models.js";
import { fingerprintOf } from "../model/digest/fingerprint.js";
import type { DeviceChoice } from "../ort/index.js";
import type { Logger } from "../telemetry/log.js";
import type { Loaded } from "./loaded.js";

/** A loaded model with what else an answer of it is made with: everything that changes when the model is swapped. */
export interface Served extends Loaded, Required<Pick<OpenAiServing, "chatPrompts" | "loadedAtMs">> {
  readonly health: EngineHealth;
  /** Undefined until the digest is known. */
  readonly fingerprint: () => string | undefined;
}

/** @param version of the server. */
export async function prepareServed(loaded: Loaded, version: string, log: Logger): Promise<Served> {
  return {
    ...loaded,
    chatPrompts: await openChatPrompts(loaded, log),
    loadedAtMs: Date.now(),
    health: new EngineHealth(loaded.engine, log),
    fingerprint: fingerprintWhenKnown(loaded, version, await nameOf(loaded.model.device)),
  };
}

/** Of a GPU. */
async function nameOf(device: DeviceChoice): Promise<string | undefined> {
  if (device.kind === "cpu") return undefined;
  const { CudaDriver } = await import("../ort/cuda/driver.js");
  return new CudaDriver().nameOf(device.id);
}

/** Made when it is first asked for: of a machine with many cores, reading what the processor is takes milliseconds. */
function fingerprintWhenKnown(
  { digest, model }: Loaded,
  version: string,
  deviceName: string | undefined,
): () => string | undefined {
  const { dtype, kvDtype, session } = model;
  let fingerprint: string | undefined;
  return () => {
    if (digest.value === undefined) return undefined;
    const { ortVersion } = session;
    fingerprint ??= fingerprintOf({ digest: digest.value, dtype, kvDtype, ortVersion, version, deviceName });
    return fingerprint;
  };
}
