/** From the operator's word for a device to one that is there. */
import { ConfigurationError } from "../errors.js";
import type { DeviceChoice } from "./device.js";
import { loadOrtLibrary } from "./library.js";
import { environmentOf } from "./session.js";

export interface ResolvedDevice {
  readonly choice: DeviceChoice;
  /** Why this one, in one line, for the log. */
  readonly reason: string;
}

/** Opens a device; a test can put another in place of this machine's. */
export type OpenCudaDevice = (id: number, libraryPath: string | undefined) => Promise<string>;

/**
 * Finds the device that `setting` names: `cpu`, `cuda` (the first), `cuda:N`, or `auto`, which takes the first CUDA device
 * when everything that it needs is there, and the CPU otherwise.
 * @param libraryPath another libonnxruntime than the one shipped, as for sessions.
 * @throws {ConfigurationError} when a CUDA device was asked for by name and cannot be used, saying what is missing.
 */
export async function resolveDevice(
  setting: string,
  libraryPath?: string,
  open: OpenCudaDevice = openCudaDevice,
): Promise<ResolvedDevice> {
  if (setting === "cpu") return { choice: { kind: "cpu" }, reason: "as asked" };
  const id = idOf(setting);
  try {
    const name = await open(id, libraryPath);
    return { choice: { kind: "cuda", id }, reason: name };
  } catch (error) {
    if (setting !== "auto" || !(error instanceof ConfigurationError)) throw error;
    return { choice: { kind: "cpu" }, reason: `no CUDA: ${error.message}` };
  }
}

function idOf(setting: string): number {
  if (setting === "auto" || setting === "cuda") return 0;
  const [, id] = /^cuda:(\d{1,3})$/.exec(setting) ?? [];
  if (id === undefined) throw new ConfigurationError(`device must be cpu, cuda, cuda:N or auto, got ${setting}`);
  return Number(id);
}

/** Tries all that a session would need, but for the memory; returns the device's name. */
async function openCudaDevice(id: number, libraryPath: string | undefined): Promise<string> {
  const { probeCuda } = await import("./cuda/probe.js");
  const library = loadOrtLibrary(libraryPath);
  await environmentOf(library.api); // ONNX Runtime loads no provider before
  return probeCuda(library, id);
}
