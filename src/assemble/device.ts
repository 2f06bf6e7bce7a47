/** Which device models are loaded to, and how much of its memory is for them. */
import { memoryLimitBytes } from "../config/cpu.js";
import type { Config } from "../config/settings.js";
import type { CudaDriver } from "../ort/cuda/driver.js";
import type { ReadDeviceUse } from "../ort/cuda/nvml.js";
import { resolveDevice, type DeviceChoice } from "../ort/index.js";
import type { Room } from "../servers/swapping/room.js";
import type { Logger } from "../telemetry/log.js";

export type DeviceSettings = Pick<Config, "device" | "deviceMemoryShare" | "ortLibrary">;

/** The device of all models, and the memory for them there. */
export interface OpenDevice extends Room {
  /** How it is used now; undefined on a CPU, and where NVIDIA's management library does not say. */
  readonly readUse?: ReadDeviceUse | undefined;
}

/**
 * Once: a model that comes later is loaded to the same, into memory of the same size.
 * @throws {ConfigurationError} when a device was asked for by name and cannot be used.
 */
export async function openDevice(settings: DeviceSettings, log: Pick<Logger, "info">): Promise<OpenDevice> {
  const { device: setting, deviceMemoryShare, ortLibrary } = settings;
  const { choice, reason } = await resolveDevice(setting, ortLibrary === "" ? undefined : ortLibrary);
  if (choice.kind === "cpu") {
    log.info("device", { device: choice.kind, reason });
    return { device: choice, limitBytes: memoryLimitBytes() };
  }
  // Most servers have no GPU.
  const [{ CudaDriver }, nvml] = await Promise.all([import("../ort/cuda/driver.js"), import("../ort/cuda/nvml.js")]);
  const driver = new CudaDriver();
  const memory = shareOf(driver, choice.id, deviceMemoryShare);
  log.info("device", { device: `${choice.kind}:${choice.id}`, reason, ...memory });
  const readUse = nvml.openDeviceUse(driver.busIdOf(choice.id));
  return { device: choice, limitBytes: memory.limitBytes, readUse };
}

/** In bytes: what the device has, what of it nobody uses, and what of that models are planned with. */
export function shareOf(driver: Pick<CudaDriver, "memoryOf">, id: number, share: number) {
  const { free: freeBytes, total: totalBytes } = driver.memoryOf(id);
  return { totalBytes, freeBytes, limitBytes: Math.floor(share * freeBytes) };
}

/**
 * The device for one model, which may take the largest of these limits of its memory.
 * @param memoryLimits at least one, in bytes.
 */
export function deviceWithin(device: DeviceChoice, memoryLimits: readonly number[]): DeviceChoice {
  return device.kind === "cpu" ? device : { ...device, memoryLimitBytes: Math.max(...memoryLimits) };
}
