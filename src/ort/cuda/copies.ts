import type { DeviceMemory } from "../device.js";
import type { CudaDriver } from "./driver.js";

const unifiedMemory = 4n; // CU_MEMORYTYPE_UNIFIED: the address says where it is
const defaultStream = 0n;

/**
 * Copies by NVIDIA's driver, on its default stream. ONNX Runtime's own streams do not wait for that one, so whoever
 * runs a session next has waited for the copies: `copy` does, after `copyBlocks` it is for `settle`. Runs have
 * waited for themselves when they return.
 */
export function cudaMemory(driver: CudaDriver, id: number): DeviceMemory {
  const { calls } = driver;
  /** Kept for all calls: CUDA_MEMCPY2D, whose fields take 8 bytes each. */
  const rectangle = new BigUint64Array(16);
  const settle = (): void => {
    driver.use(id);
    calls.cuStreamSynchronize(defaultStream);
  };
  return {
    copy(target, source, bytes) {
      driver.use(id);
      calls.cuMemcpy(target, source, bytes);
      calls.cuStreamSynchronize(defaultStream); // a copy within the device, or from pageable memory, goes on
    },
    copyBlocks(target, source, { count, bytes, stride }) {
      if (count === 0 || bytes === 0) return;
      driver.use(id);
      describeRectangle(rectangle, { target, source, bytes, count, stride });
      calls.cuMemcpy2DUnaligned_v2(rectangle); // "unaligned": takes any stride
    },
    settle,
  };
}

interface Rectangle {
  readonly target: bigint;
  readonly source: bigint;
  readonly bytes: number;
  readonly count: number;
  readonly stride: number;
}

/**
 * srcXInBytes, srcY, srcMemoryType, srcHost, srcDevice, srcArray, srcPitch, the same for dst, WidthInBytes, Height.
 */
function describeRectangle(fields: BigUint64Array, { target, source, bytes, count, stride }: Rectangle): void {
  const pitch = BigInt(stride);
  fields.set([0n, 0n, unifiedMemory, 0n, source, 0n, pitch]);
  fields.set([0n, 0n, unifiedMemory, 0n, target, 0n, pitch], 7);
  fields.set([BigInt(bytes), BigInt(count)], 14);
}
