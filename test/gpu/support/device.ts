/** Engines on the device that the tests are run for, made as `ortler serve` makes them. */
import { onTestFinished } from "vitest";
import { startEngine } from "../../../src/assemble.js";
import { loadOptions } from "../../../src/config/load.js";
import { settings } from "../../../src/config/settings.js";
import type { Model } from "../../../src/model/index.js";
import { CudaDriver } from "../../../src/ort/cuda/driver.js";
import { unload, type Loaded } from "../../../src/servers/loaded.js";
import { createLogger } from "../../../src/telemetry/log.js";

/** As `--device` has it. */
const device = process.env["ORTLER_DEVICE"] ?? "cuda";

/** A model and its engine with these flags of the server's, on the device. ORTLER_ORT_LIBRARY names its library. */
export async function loadOnDevice(model: string, ...flags: readonly string[]): Promise<Loaded> {
  const args = [`--model=${model}`, `--device=${device}`, ...flags];
  const { values } = loadOptions({ table: settings, args });
  return startEngine(values, createLogger({ level: "error", format: "text" }));
}

/** The same, until the test ends. */
export async function startOnDevice(model: string, ...flags: readonly string[]): Promise<Loaded> {
  const loaded = await loadOnDevice(model, ...flags);
  onTestFinished(async () => unload(loaded));
  return loaded;
}

/**
 * How far a logit may be from the float32 reference's. Sums of products in float16, each rounded to 11 bits, are off by
 * some thousandths of the logits, which are below 32 in all the references.
 */
export function logitTolerance({ dtype }: Pick<Model, "dtype">): number {
  return dtype === "float16" ? 0.05 : 0.001;
}

/** Of the whole device, whoever uses it; 0 for the CPU, whose memory is the process's. */
export function deviceBytesInUse(): number {
  if (device === "cpu") return 0;
  const { free, total } = new CudaDriver().memoryOf(idOf(device));
  return total - free;
}

function idOf(name: string): number {
  const [, id = "0"] = name.split(":");
  return Number(id);
}
