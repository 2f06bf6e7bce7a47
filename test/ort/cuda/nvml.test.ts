import { expect, test } from "vitest";
import { CudaDriver } from "../../../src/ort/cuda/driver.js";
import { openDeviceUse, type DeviceUse } from "../../../src/ort/cuda/nvml.js";
import { fakeLibrary, type FakeFunctions } from "../../support/fake-cuda.js";

const busId = Buffer.from("0000:3b:00.0\0");
const notSupported = 3; // NVML_ERROR_NOT_SUPPORTED

/** A device of 80 bytes, 20 of them used, busy for a quarter of the time. */
const device: FakeFunctions = {
  nvmlDeviceGetHandleByPciBusId_v2: (asked, handle) => {
    (handle as BigUint64Array)[0] = 7n;
    return asked === busId ? 0 : 6; // NVML_ERROR_NOT_FOUND
  },
  nvmlDeviceGetMemoryInfo: (handle, bytes) => {
    (bytes as BigUint64Array).set([80n, 60n, 20n]);
    return handle === 7n ? 0 : notSupported;
  },
  nvmlDeviceGetUtilizationRates: (handle, percentages) => {
    (percentages as Uint32Array).set([25, 90]);
    return handle === 7n ? 0 : notSupported;
  },
};
const useOf = (functions: FakeFunctions, bus: Uint8Array = busId): DeviceUse | undefined =>
  openDeviceUse(bus, () => fakeLibrary(functions))?.();

test("a device is found by its place on the bus, and says how it is used", () => {
  expect(useOf(device)).toEqual({ memory: { usedBytes: 20, totalBytes: 80 }, busyShare: 0.25 });
});

test("what a device does not say is unknown, and the rest is told", () => {
  const silent = () => notSupported;
  const memory = { usedBytes: 20, totalBytes: 80 };
  expect(useOf({ ...device, nvmlDeviceGetUtilizationRates: silent })).toEqual({ memory, busyShare: undefined });
  expect(useOf({ ...device, nvmlDeviceGetMemoryInfo: silent })).toEqual({ memory: undefined, busyShare: 0.25 });
});

test.each([
  ["that is not initialised", { ...device, nvmlInit_v2: () => 9 }, busId],
  ["that does not know the device", device, Buffer.from("0000:00:00.0\0")],
] satisfies [string, FakeFunctions, Uint8Array][])("of a library %s there is no reader", (_, functions, bus) => {
  expect(useOf(functions, bus)).toBeUndefined();
});

test("without the library there is no reader", () => {
  const load = (name: string): never => {
    throw new Error(`${name}: cannot open shared object file`);
  };
  expect(openDeviceUse(busId, load)).toBeUndefined();
});

test("the driver gives the place on the bus of the device that was asked about", () => {
  const driver = new CudaDriver(() =>
    fakeLibrary({
      cuDeviceGetCount: (count) => ((count as Int32Array).fill(2), 0),
      cuDeviceGet: (handle, id) => ((handle as Int32Array).fill(Number(id) + 40), 0),
      cuDeviceGetPCIBusId: (text, length, handle) => {
        Buffer.from(`0000:${String(handle)}:00.0`).copy(text as Uint8Array);
        return length === (text as Uint8Array).length ? 0 : 1;
      },
    }),
  );
  expect(Buffer.from(driver.busIdOf(1)).toString("latin1")).toMatch(/^0000:41:00\.0\0/);
});
