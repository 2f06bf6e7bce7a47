import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isOutOfMemory, outOfMemory } from "../../../src/ort/cuda/out-of-memory.js";
import { createProviderOptions, findProvider, loadFailure } from "../../../src/ort/cuda/provider.js";
import { ConfigurationError } from "../../../src/errors.js";
import { loadOrtLibrary, OrtCallError, resolveDevice } from "../../../src/ort/index.js";
import { temporaryFolder } from "../../support/checkpoints.js";
import { doublingSession } from "../../support/graphs.js";

/** A library's folder with a provider that was built from `release`. */
async function folderWith(release: string): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "libonnxruntime_providers_shared.so"), "");
  await writeFile(join(folder, "libonnxruntime_providers_cuda.so"), `ELF\0 12.4.1\0${release}\0text`);
  return folder;
}

test("a provider of the library's release is found beside it", async () => {
  const folder = await folderWith("1.29.0");
  const path = join(folder, "libonnxruntime.so");
  expect(findProvider({ path, version: "1.29.0" })).toBe(join(folder, "libonnxruntime_providers_cuda.so"));
});

test("a provider of another release is refused with both", async () => {
  const path = join(await folderWith("1.29.0"), "libonnxruntime.so");
  expect(() => findProvider({ path, version: "1.30.0" })).toThrow(
    /is of ONNX Runtime 1\.29\.0, the library beside it of 1\.30\.0/,
  );
});

test("a provider that is missing is named with where it should be", async () => {
  const folder = await temporaryFolder();
  expect(() => findProvider({ path: join(folder, "libonnxruntime.so"), version: "1.30.0" })).toThrow(
    `${join(folder, "libonnxruntime_providers_shared.so")} is not there`,
  );
});

test("ONNX Runtime's own search for the provider is told in our words", async () => {
  using session = await doublingSession(); // before the first, ONNX Runtime loads no provider
  const options = (): unknown =>
    createProviderOptions({ ...loadOrtLibrary(), api: session.api }, { kind: "cuda", id: 0 });
  expect(options).toThrow(ConfigurationError);
  expect(options).toThrow(/needs \S*libonnxruntime_providers_\w+\.so, which is not there/);
});

test("a library that the provider needs is named", () => {
  const linker = "libcublasLt.so.13: cannot open shared object file: No such file or directory";
  const error = new OrtCallError("UpdateCUDAProviderOptions", 1, `Failed to load library x with error: ${linker}`);
  expect(loadFailure(error, "/opt/ort/libonnxruntime.so")).toMatchObject({
    message:
      "/opt/ort/libonnxruntime_providers_cuda.so needs libcublasLt.so.13, which is not there: " +
      "install it, or name its folder in LD_LIBRARY_PATH",
  });
  const other = new OrtCallError("UpdateCUDAProviderOptions", 1, "unknown key");
  expect(loadFailure(other, "/opt/ort/libonnxruntime.so")).toBe(other);
});

test("memory that is not there is told with what was asked for, what is free, and the way out", () => {
  const error = new OrtCallError(
    "CreateTensorAsOrtValue",
    6,
    "Failed to allocate memory for requested buffer of size 64",
  );
  const device = { free: 10, total: 80 };
  expect(isOutOfMemory(error)).toBe(true);
  expect(isOutOfMemory(new OrtCallError("CreateTensorAsOrtValue", 6, "no such type"))).toBe(false);
  expect(outOfMemory(error, { purpose: "the model", device, remedy: "take a smaller one" }).message).toBe(
    "the device has too little memory for the model (64 bytes were asked for, 10 of 80 are free): take a smaller one",
  );
});

const missing = () => Promise.reject(new ConfigurationError("no driver"));
const there = (id: number) => Promise.resolve(`H100 number ${id}`);

test.each([
  ["cpu", missing, { choice: { kind: "cpu" }, reason: "as asked" }],
  ["auto", missing, { choice: { kind: "cpu" }, reason: "no CUDA: no driver" }],
  ["auto", there, { choice: { kind: "cuda", id: 0 }, reason: "H100 number 0" }],
  ["cuda", there, { choice: { kind: "cuda", id: 0 }, reason: "H100 number 0" }],
  ["cuda:3", there, { choice: { kind: "cuda", id: 3 }, reason: "H100 number 3" }],
])("%s is resolved by what the machine has", async (setting, open, expected) => {
  expect(await resolveDevice(setting, undefined, open)).toEqual(expected);
});

test("a device that was asked for by name is not replaced, and a word that is none is refused", async () => {
  await expect(resolveDevice("cuda", undefined, missing)).rejects.toThrow("no driver");
  await expect(resolveDevice("gpu", undefined, there)).rejects.toThrow("must be cpu, cuda, cuda:N or auto, got gpu");
});

test("with the library that is shipped auto takes the CPU, and says what is missing", async () => {
  const { choice, reason } = await resolveDevice("auto");
  expect([choice, reason]).toEqual([
    { kind: "cpu" },
    expect.stringMatching(/^no CUDA: .*providers_shared.* is not there/),
  ]);
});
