/** Sessions on a CUDA device. */
import type { OrtApi, Pointer } from "../library.js";
import type { CudaChoice, Device } from "../device.js";
import type { GraphCapture } from "../session.js";
import { hostMemory } from "../device.js";
import { OrtCallError } from "../errors.js";
import type { OrtLibrary } from "../library.js";
import { cudaMemory } from "./copies.js";
import { CudaDriver } from "./driver.js";
import { isOutOfMemory, outOfMemory } from "./out-of-memory.js";
import { createProviderOptions, findProvider } from "./provider.js";

/** Memory of one session. */
export interface CudaDevices extends Disposable {
  readonly device: Device;
  /** Host memory that the device can read and write by itself. */
  readonly host: Device;
}

export interface CudaSetup {
  /** Has `create` make a session with the CUDA provider in its options, whose runs can be captured or not. */
  create(settings: Pointer, isCapturing: boolean, create: (settings: Pointer) => Promise<Pointer>): Promise<Pointer>;
  /** The memory of a session that was made. Disposed before the session is. */
  devicesOf(session: Pointer): CudaDevices;
}

/**
 * Everything that sessions on a device need, looked at in the order in which it is found missing.
 * @throws {ConfigurationError} naming what is.
 */
export function openCuda(library: OrtLibrary, choice: CudaChoice): CudaSetup {
  findProvider(library);
  const driver = new CudaDriver();
  driver.checkDevice(choice.id);
  const { api } = library;
  return {
    async create(settings, isCapturing, create) {
      appendProvider(library, settings, choice, isCapturing);
      try {
        return await create(settings);
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        const remedy = "take a smaller model or another device, or end what else uses this one";
        throw outOfMemory(error, { purpose: "the model", device: driver.memoryOf(choice.id), remedy });
      }
    },
    devicesOf: (session) => createDevices(api, driver, session, choice.id),
  };
}

/** ONNX Runtime's words for a graph of which not all is computed by the CUDA provider. */
const captureRefusal = /cannot use the (graph capture|CUDA Graph) feature/i;

/**
 * Has `create` make something whose runs can be captured, and where ONNX Runtime refuses that, without.
 * @param isWanted whether to capture at all.
 */
export async function createCapturing<T>(
  isWanted: boolean,
  create: (isCapturing: boolean) => Promise<T>,
): Promise<{ readonly made: T; readonly graphCapture: GraphCapture }> {
  if (!isWanted)
    return {
      made: await create(false),
      graphCapture: { isOn: false, reason: "--no-cuda-graphs, --watch or --selection host" },
    };
  try {
    return { made: await create(true), graphCapture: { isOn: true, reason: "as asked" } };
  } catch (error) {
    if (!(error instanceof OrtCallError) || !captureRefusal.test(error.message)) throw error;
    return { made: await create(false), graphCapture: { isOn: false, reason: error.message } };
  }
}

function appendProvider(library: OrtLibrary, settings: Pointer, choice: CudaChoice, isCapturing: boolean): void {
  const { api } = library;
  const options = createProviderOptions(library, choice, isCapturing);
  try {
    api.appendCudaProvider(settings, options);
  } finally {
    api.releaseCudaOptions(options);
  }
}

const arena = 1; // OrtArenaAllocator
const deviceAllocator = 0; // OrtDeviceAllocator
const defaultMemory = 0; // OrtMemTypeDefault
const pinnedMemory = -1; // OrtMemTypeCPUOutput

function createDevices(api: OrtApi, driver: CudaDriver, session: Pointer, id: number): CudaDevices {
  const onDevice = api.createMemoryInfo("Cuda", arena, id, defaultMemory);
  const pinned = api.createMemoryInfo("CudaPinned", deviceAllocator, id, pinnedMemory);
  const common = { kind: "cuda", id } as const;
  const allocatorOf = (memoryInfo: Pointer): Pointer => api.createAllocator(session, memoryInfo);
  const device: Device = {
    ...{ ...common, isHost: false, memory: cudaMemory(driver, id) },
    ...{ memoryInfo: onDevice, allocator: allocatorOf(onDevice) },
  };
  const host: Device = {
    ...{ ...common, isHost: true, memory: hostMemory },
    ...{ memoryInfo: pinned, allocator: allocatorOf(pinned) },
  };
  const dispose = (): void => {
    for (const { allocator, memoryInfo } of [device, host]) {
      api.releaseAllocator(allocator);
      api.releaseMemoryInfo(memoryInfo);
    }
  };
  return { device, host, [Symbol.dispose]: dispose };
}
