/** What NVIDIA's management library (nvml.h) says of a device, for metrics. */
import { loadForeign, type ForeignLibrary, type LoadForeign } from "./foreign.js";

const fileName = process.platform === "win32" ? "nvml.dll" : "libnvidia-ml.so.1";

/** Of the whole device, whoever uses it; undefined where it does not say, as a part of a device (MIG) may not. */
export interface DeviceUse {
  readonly memory: { readonly usedBytes: number; readonly totalBytes: number } | undefined;
  /** Share of the last moments, a second at most, in which a kernel ran: 0 to 1. */
  readonly busyShare: number | undefined;
}

/** Looks at the device now: some microseconds. It disturbs nothing that runs there. */
export type ReadDeviceUse = () => DeviceUse;

/**
 * A reader for one device.
 * @param busId its place on the PCI bus, as a C string.
 * @returns Undefined when the library is not there, or does not know the device.
 */
export function openDeviceUse(busId: Uint8Array, load: LoadForeign = loadForeign): ReadDeviceUse | undefined {
  try {
    return readerOf(load(fileName), busId);
  } catch {
    return undefined; // no such library, or one without these functions
  }
}

function readerOf(library: ForeignLibrary, busId: Uint8Array): ReadDeviceUse | undefined {
  const isOk = (result: unknown): boolean => Number(result) === 0;
  const handle = new BigUint64Array(1);
  const find = library.func("nvmlDeviceGetHandleByPciBusId_v2", "int", ["void *", "void *"]);
  if (!isOk(library.func("nvmlInit_v2", "int", [])()) || !isOk(find(busId, handle))) return undefined;
  const readMemory = library.func("nvmlDeviceGetMemoryInfo", "int", ["void *", "void *"]);
  const readRates = library.func("nvmlDeviceGetUtilizationRates", "int", ["void *", "void *"]);
  const device = handle[0];
  return () => {
    const bytes = new BigUint64Array(3); // total, free, used
    const percentages = new Uint32Array(2); // of the kernels, of the memory's bus
    const hasMemory = isOk(readMemory(device, bytes));
    const hasRates = isOk(readRates(device, percentages));
    return {
      memory: hasMemory ? { totalBytes: Number(bytes[0]), usedBytes: Number(bytes[2]) } : undefined,
      busyShare: hasRates ? Number(percentages[0]) / 100 : undefined,
    };
  };
}
