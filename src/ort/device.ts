import type { OrtApi, Pointer } from "./api.js";
import { moveMemory } from "./memory.js";

/** Where a session is to compute. */
export type DeviceChoice = { readonly kind: "cpu" } | CudaChoice;

export interface CudaChoice {
  readonly kind: "cuda";
  /** Among the devices that the driver shows to this process (CUDA_VISIBLE_DEVICES). */
  readonly id: number;
  /** Bytes of device memory that the session may take, KV cache included; absent = what there is. */
  readonly memoryLimitBytes?: number | undefined;
}

/** Where a tensor's memory is, who allocates it, and how it is copied. */
export interface Device {
  readonly kind: "cpu" | "cuda";
  /** 0 on a CPU. */
  readonly id: number;
  /** Whether JavaScript may touch its memory: ordinary memory, or host memory that is pinned for a device. */
  readonly isHost: boolean;
  /** `OrtMemoryInfo *` for tensors over memory that already exists there. */
  readonly memoryInfo: Pointer;
  /** `OrtAllocator *` for tensors that own their memory. */
  readonly allocator: Pointer;
  readonly memory: DeviceMemory;
}

/** Copies into, out of and within a device's memory. The caller vouches for the ranges. */
export interface DeviceMemory {
  /** From or to host memory, or within the device. Complete when it returns. Host ranges may overlap. */
  copy(target: Pointer, source: Pointer, bytes: number): void;
  /** Blocks that lie equally far apart, within the device. May be under way until `settle`. */
  copyBlocks(target: Pointer, source: Pointer, blocks: Blocks): void;
  /** Waits for the copies of this memory; what runs after it finds them done. */
  settle(): void;
}

/** `count` blocks of `bytes` each, one beginning `stride` bytes after the other. */
export interface Blocks {
  readonly count: number;
  readonly bytes: number;
  readonly stride: number;
}

export const hostMemory: DeviceMemory = {
  copy: moveMemory,
  copyBlocks(target, source, { count, bytes, stride }) {
    for (let offset = 0n; offset < count * stride; offset += BigInt(stride)) {
      moveMemory(target + offset, source + offset, bytes);
    }
  },
  settle: () => undefined,
};

const deviceAllocator = 0; // OrtDeviceAllocator: memory as asked for, no arena around it
const defaultMemory = 0; // OrtMemTypeDefault

export function createCpuDevice(api: OrtApi): Device {
  return {
    kind: "cpu",
    id: 0,
    isHost: true,
    memoryInfo: api.createMemoryInfo("Cpu", deviceAllocator, 0, defaultMemory),
    allocator: api.getAllocatorWithDefaultOptions(), // belongs to ONNX Runtime: never released
    memory: hostMemory,
  };
}
