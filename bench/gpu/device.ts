/** What computes. */
import { resolveDevice, type DeviceChoice } from "../../src/ort/index.js";

export interface DeviceFacts {
  readonly choice: DeviceChoice;
  /** The driver's name of it. */
  readonly name: string;
  /** All that it has; undefined for a CPU, whose memory is the machine's. */
  readonly memoryBytes: number | undefined;
}

/** @throws {ConfigurationError} when the device cannot be used, with what is missing. */
export async function describeDevice(setting: string, ortLibrary: string | undefined): Promise<DeviceFacts> {
  const { choice, reason } = await resolveDevice(setting, ortLibrary);
  if (choice.kind === "cpu") return { choice, name: "CPU", memoryBytes: undefined };
  const { CudaDriver } = await import("../../src/ort/cuda/driver.js");
  const { total } = new CudaDriver().memoryOf(choice.id);
  return { choice, name: reason, memoryBytes: total };
}
