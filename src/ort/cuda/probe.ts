import type { OrtLibrary } from "../library.js";
import { CudaDriver } from "./driver.js";
import { createProviderOptions, findProvider } from "./provider.js";

/**
 * Looks whether a session could be made on a device: the provider is there, the driver shows the device, and the
 * provider's libraries load.
 * @returns the device's name.
 * @throws {ConfigurationError} naming what is missing.
 */
export function probeCuda(library: OrtLibrary, id: number): string {
  findProvider(library);
  const driver = new CudaDriver();
  driver.checkDevice(id);
  library.api.releaseCudaOptions(createProviderOptions(library, { kind: "cuda", id }));
  return driver.nameOf(id);
}
