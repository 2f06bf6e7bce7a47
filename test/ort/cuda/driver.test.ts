import { expect, test } from "vitest";
import { cudaMemory } from "../../../src/ort/cuda/copies.js";
import { CudaDriver } from "../../../src/ort/cuda/driver.js";
import { ConfigurationError } from "../../../src/errors.js";
import type { ForeignLibrary } from "../../../src/ort/cuda/foreign.js";
import { fakeLibrary, type FakeFunctions } from "../../support/fake-cuda.js";

const write = (target: unknown, value: number | bigint): number => {
  (target as { fill(value: number | bigint): void }).fill(value);
  return 0;
};
const twoDevices: FakeFunctions = { cuDeviceGetCount: (count) => write(count, 2) };
const driverWith = (functions: FakeFunctions): CudaDriver => new CudaDriver(() => fakeLibrary(functions));

test.each([
  ["no device", { cuInit: () => 100 }, "shows no device to this process"],
  ["a count of none", { cuDeviceGetCount: (count: unknown) => write(count, 0) }, "shows no device to this process"],
  ["a stub", { cuInit: () => 34 }, "is a stub"],
  ["a failure", { cuInit: () => 999 }, "cuInit gave 999 (CUDA_ERROR_UNKNOWN)"],
] satisfies [string, FakeFunctions, string][])("a driver with %s is told as such", (_, functions, text) => {
  expect(() => driverWith(functions)).toThrow(ConfigurationError);
  expect(() => driverWith(functions)).toThrow(text);
});

test("a driver that is not there is named with the linker's message", () => {
  const load = (name: string): never => {
    throw new Error(`${name}: cannot open shared object file`);
  };
  expect(() => new CudaDriver(load)).toThrow("driver is not there (libcuda.so.1: cannot open shared object file)");
});

test("a file of the driver's name that lacks its functions is no driver", () => {
  const load = (): ForeignLibrary => ({
    ...fakeLibrary({}),
    func: (name) => {
      throw new Error(`Cannot find function '${name}' in shared library`);
    },
  });
  expect(() => new CudaDriver(load)).toThrow(ConfigurationError);
  expect(() => new CudaDriver(load)).toThrow("driver is not there (Cannot find function 'cuInit' in shared library)");
});

test("a device beyond those that the driver shows is refused with their number", () => {
  const driver = driverWith(twoDevices);
  driver.checkDevice(1);
  expect(() => driver.checkDevice(2)).toThrow("there is no device cuda:2: NVIDIA's driver shows 2");
});

test("memory is of the device that was asked about", () => {
  let current: unknown;
  const driver = driverWith({
    ...twoDevices,
    cuDeviceGet: (device, id) => write(device, Number(id)),
    cuDevicePrimaryCtxRetain: (context, device) => write(context, BigInt(Number(device) + 70)),
    cuCtxSetCurrent: (context) => ((current = context), 0),
    cuMemGetInfo_v2: (free, total) => write(free, 5n) + write(total, current === 71n ? 9n : 1n),
  });
  expect(driver.memoryOf(1)).toEqual({ free: 5, total: 9 });
});

test("blocks are copied as one rectangle, and are waited for when they are settled", () => {
  const calls: unknown[] = [];
  const driver = driverWith({
    ...twoDevices,
    cuMemcpy2DUnaligned_v2: (fields) => (calls.push([...(fields as BigUint64Array)]), 0),
    cuStreamSynchronize: () => (calls.push("waited"), 0),
  });
  const memory = cudaMemory(driver, 0);
  memory.copyBlocks(1000n, 2000n, { count: 3, bytes: 10, stride: 64 });
  memory.settle();
  // CUDA_MEMCPY2D: x, y, type, host, device, array and pitch of source and target; width, height.
  expect(calls).toEqual([[0n, 0n, 4n, 0n, 2000n, 0n, 64n, 0n, 0n, 4n, 0n, 1000n, 0n, 64n, 10n, 3n], "waited"]);
});
