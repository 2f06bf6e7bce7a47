import { expect, test } from "vitest";
import { fingerprintOf } from "../../../src/model/digest/fingerprint.js";

const digest = `sha256:${"0".repeat(64)}`;
const computation = { digest, dtype: "int8", kvDtype: "int8", ortVersion: "1.30.0", version: "0.1.0" } as const;
const x86 = (flags: string): string => `processor\t: 0\nmodel name\t: some\nflags\t\t: ${flags}\nbugs\t\t:\n`;
const processor = { architecture: "x64", cpuInfo: x86("fpu avx2 fma avx512_vnni"), cacheSize: "1024K\n" };
const name = fingerprintOf(computation, processor);

test("is fp_ and 12 digits", () => {
  expect(name).toMatch(/^fp_[0-9a-f]{12}$/);
});

test.each([
  ["another model of processor with the same instructions", { cpuInfo: x86("avx512_vnni fma sse avx2 erms") }],
  ["a machine with more cores", { cpuInfo: x86("fpu avx2 fma avx512_vnni").repeat(8) }],
])("is the same on %s", (_, changed) => {
  expect(fingerprintOf(computation, { ...processor, ...changed })).toBe(name);
});

test("is another one when anything changes that answers depend on", () => {
  const onArm = (features: string) => ({ architecture: "arm64", cpuInfo: `processor\t: 0\nFeatures\t: ${features}\n` });
  const names = [
    name,
    fingerprintOf({ ...computation, digest: `sha256:${"1".repeat(64)}` }, processor),
    fingerprintOf({ ...computation, dtype: "float32" }, processor),
    fingerprintOf({ ...computation, kvDtype: "float32" }, processor),
    fingerprintOf({ ...computation, ortVersion: "1.31.0" }, processor),
    fingerprintOf({ ...computation, version: "0.2.0" }, processor),
    fingerprintOf(computation, { ...processor, cpuInfo: x86("avx2 fma avx_vnni") }),
    fingerprintOf(computation, { ...processor, cacheSize: "2048K\n" }),
    fingerprintOf({ ...computation, deviceName: "NVIDIA H100" }, processor),
    fingerprintOf({ ...computation, deviceName: "NVIDIA L4" }, processor),
    fingerprintOf(computation, onArm("fp asimd")),
    fingerprintOf(computation, onArm("fp asimd i8mm")),
  ];
  expect(new Set(names).size).toBe(names.length);
});

test("of a GPU is the same whatever processor is beside it", () => {
  const onGpu = { ...computation, deviceName: "NVIDIA H100" };
  const others = [
    { ...processor, cpuInfo: x86("avx2 fma") },
    { architecture: "arm64", cpuInfo: "Features\t: asimd\n" },
  ];
  expect(others.map((other) => fingerprintOf(onGpu, other))).toEqual(others.map(() => fingerprintOf(onGpu, processor)));
});
