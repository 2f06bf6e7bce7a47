import type { OrtApi, Pointer } from "./api.js";

/**
 * Where a tensor's memory is, and who allocates it. The CPU is the only one so far; a CUDA device is
 * another memory name and an allocator taken from a session.
 */
export interface Device {
  readonly name: "cpu";
  /** `OrtMemoryInfo *` for tensors over memory that already exists there. */
  readonly memoryInfo: Pointer;
  /** `OrtAllocator *` for tensors that own their memory. */
  readonly allocator: Pointer;
}

const deviceAllocator = 0; // OrtDeviceAllocator: memory as asked for, no arena around it
const defaultMemory = 0; // OrtMemTypeDefault

export function createCpuDevice(api: OrtApi): Device {
  return {
    name: "cpu",
    memoryInfo: api.createMemoryInfo("Cpu", deviceAllocator, 0, defaultMemory),
    allocator: api.getAllocatorWithDefaultOptions(), // belongs to ONNX Runtime: never released
  };
}
