/** NVIDIA's driver API (cuda.h), as far as we ask it: which devices there are, their memory, and copies. */
import type { Pointer } from "../library.js";
import { loadForeign, textIn, type ForeignLibrary, type ForeignType, type LoadForeign } from "./foreign.js";
import { cudaError, type DeviceBytes } from "./problems.js";

const fileName = process.platform === "win32" ? "nvcuda.dll" : "libcuda.so.1";

/** Functions and their arguments; an address on a device passes as a pointer. */
const functions = {
  cuInit: ["unsigned int"],
  cuDeviceGetCount: ["void *"],
  cuDeviceGet: ["void *", "int"],
  cuDeviceGetName: ["void *", "int", "int"],
  cuDeviceGetPCIBusId: ["void *", "int", "int"],
  cuDevicePrimaryCtxRetain: ["void *", "int"],
  cuCtxSetCurrent: ["void *"],
  cuMemGetInfo_v2: ["void *", "void *"],
  cuMemcpy: ["void *", "void *", "size_t"],
  cuMemcpy2DUnaligned_v2: ["void *"],
  cuStreamSynchronize: ["void *"],
} as const satisfies Record<string, readonly ForeignType[]>;

/** Each throws a ConfigurationError or an InternalError for a result that is no success. */
export type DriverCalls = { readonly [K in keyof typeof functions]: (...args: readonly unknown[]) => void };

/** The driver, initialised. Calls concern the thread that makes them. */
export class CudaDriver {
  readonly calls: DriverCalls;
  /** How many devices it shows to this process. */
  readonly deviceCount: number;
  /** Of each device in use, its primary context; kept until the process ends. */
  readonly #contexts = new Map<number, Pointer>();

  /** @throws {ConfigurationError} when there is no driver, or no device. */
  constructor(load: LoadForeign = loadForeign) {
    this.calls = orNoDriver(() => bindCalls(load(fileName)));
    this.calls.cuInit(0);
    const count = new Int32Array(1);
    this.calls.cuDeviceGetCount(count);
    this.deviceCount = count[0] ?? 0;
    if (this.deviceCount === 0) throw cudaError({ kind: "no-device" });
  }

  /** @throws {ConfigurationError} when there is no such device. */
  checkDevice(id: number): void {
    if (id >= this.deviceCount) throw cudaError({ kind: "no-such-device", id, count: this.deviceCount });
  }

  nameOf(id: number): string {
    const name = new Uint8Array(256);
    this.calls.cuDeviceGetName(name, name.length, this.#deviceOf(id));
    return textIn(name);
  }

  /** Its place on the PCI bus, by which other libraries know it too: a C string, such as `0000:3b:00.0`. */
  busIdOf(id: number): Uint8Array {
    const busId = new Uint8Array(32);
    this.calls.cuDeviceGetPCIBusId(busId, busId.length, this.#deviceOf(id));
    return busId;
  }

  /** Of the whole device, other processes' use included. */
  memoryOf(id: number): DeviceBytes {
    this.use(id);
    const free = new BigUint64Array(1);
    const total = new BigUint64Array(1);
    this.calls.cuMemGetInfo_v2(free, total);
    return { free: Number(free[0]), total: Number(total[0]) };
  }

  /** What this thread calls next concerns the device, in the context that CUDA's runtime, and so ONNX Runtime, uses. */
  use(id: number): void {
    this.calls.cuCtxSetCurrent(this.#contextOf(id));
  }

  #contextOf(id: number): Pointer {
    const known = this.#contexts.get(id);
    if (known !== undefined) return known;
    const context = new BigUint64Array(1);
    this.calls.cuDevicePrimaryCtxRetain(context, this.#deviceOf(id));
    const pointer = context[0] ?? 0n;
    this.#contexts.set(id, pointer);
    return pointer;
  }

  /** The driver's handle of a device. */
  #deviceOf(id: number): number {
    const device = new Int32Array(1);
    this.calls.cuDeviceGet(device, id);
    return device[0] ?? 0;
  }
}

/** @throws {ConfigurationError} when there is no driver, or a file of its name that lacks what a driver has. */
function orNoDriver<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw cudaError({ kind: "no-driver", detail: error instanceof Error ? error.message : fileName }, error);
  }
}

function bindCalls(library: ForeignLibrary): DriverCalls {
  const bind = (name: string, args: readonly ForeignType[]): ((...values: readonly unknown[]) => void) => {
    const call = library.func(name, "int", args);
    return (...values) => {
      const code = Number(call(...values));
      if (code !== 0) throw problemOf(library, name, code);
    };
  };
  const calls = Object.entries(functions).map(([name, args]) => [name, bind(name, args)] as const);
  return Object.fromEntries(calls) as DriverCalls;
}

/** `CUresult`s that are facts about the machine. */
const stubLibrary = 34; // CUDA_ERROR_STUB_LIBRARY: a file to link with, and no driver
const noDevice = 100; // CUDA_ERROR_NO_DEVICE

function problemOf(library: ForeignLibrary, call: string, code: number): Error {
  if (code === stubLibrary) return cudaError({ kind: "no-driver", detail: `${fileName} is a stub` });
  if (code === noDevice) return cudaError({ kind: "no-device" });
  return cudaError({ kind: "driver-failure", call, code, name: nameOfError(library, code) });
}

function nameOfError(library: ForeignLibrary, code: number): string {
  const text = new BigUint64Array(1);
  const isKnown = Number(library.func("cuGetErrorName", "int", ["int", "void *"])(code, text)) === 0;
  return isKnown ? library.text(text[0] ?? 0n) : "unknown";
}
