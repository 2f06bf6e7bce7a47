/** A stand-in for NVIDIA's libraries: functions by name, each returning a result and writing to its arguments. */
import type { ForeignLibrary } from "../../src/ort/cuda/foreign.js";

export type FakeFunctions = Readonly<Record<string, (...args: readonly unknown[]) => number>>;

export function fakeLibrary(functions: FakeFunctions): ForeignLibrary {
  return {
    func: (name) => functions[name] ?? (() => 0),
    text: () => "CUDA_ERROR_UNKNOWN",
  };
}
