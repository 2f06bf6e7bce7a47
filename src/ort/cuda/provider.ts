/** ONNX Runtime's CUDA provider: a library of its own beside the core library, which loads it. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { OrtApi, Pointer } from "../library.js";
import type { CudaChoice } from "../device.js";
import type { OrtLibrary } from "../library.js";
import { cudaError } from "./problems.js";
import { releaseOf } from "./provider-release.js";

const [prefix, suffix] = process.platform === "win32" ? ["", ".dll"] : ["lib", ".so"];
/** What the provider is made of: the bridge to the core library, and the kernels. */
const bridgeFile = `${prefix}onnxruntime_providers_shared${suffix}`;
const kernelsFile = `${prefix}onnxruntime_providers_cuda${suffix}`;

/**
 * Looks whether the provider is there and is of the library's release: ONNX Runtime itself does not look, and the one
 * would call into the other's tables.
 * @returns the provider's file.
 * @throws {ConfigurationError} when it is missing or of another release.
 */
export function findProvider({ path: library, version }: Pick<OrtLibrary, "path" | "version">): string {
  const files = [bridgeFile, kernelsFile].map((file) => path.join(path.dirname(library), file));
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) throw cudaError({ kind: "no-provider", library, missing });
  const provider = path.join(path.dirname(library), kernelsFile);
  const found = releaseOf(provider, version);
  if (found !== version) throw cudaError({ kind: "other-version", provider, found: found ?? "unknown", version });
  return provider;
}

/**
 * Makes the provider's options, `OrtCUDAProviderOptionsV2 *`. This loads the provider, with CUDA's libraries.
 * @param isCapturing whether runs can be captured as CUDA graphs.
 * @throws {ConfigurationError} when the library has no CUDA, or a library that the provider needs is missing.
 */
export function createProviderOptions(
  library: Pick<OrtLibrary, "path" | "version" | "api">,
  choice: CudaChoice,
  isCapturing = false,
): Pointer {
  const { api } = library;
  const options = createEmptyOptions(library);
  const entries = Object.entries(providerOptions(choice, isCapturing));
  try {
    api.updateCudaOptions(
      options,
      entries.map(([key]) => key),
      entries.map(([, value]) => value),
      entries.length,
    );
    return options;
  } catch (error) {
    api.releaseCudaOptions(options);
    throw loadFailure(error, library.path);
  }
}

function createEmptyOptions({ api, path: library, version }: { api: OrtApi; path: string; version: string }): Pointer {
  try {
    return api.createCudaOptions();
  } catch (error) {
    throw cudaError({ kind: "no-cuda-build", library, version }, error);
  }
}

function providerOptions({ id, memoryLimitBytes }: CudaChoice, isCapturing: boolean): Record<string, string> {
  return {
    device_id: String(id),
    enable_cuda_graph: isCapturing ? "1" : "0",
    ...(memoryLimitBytes === undefined ? {} : { gpu_mem_limit: String(memoryLimitBytes) }),
    // By default an arena grows to the next power of two: a cache of 33 GiB would take 64.
    arena_extend_strategy: "kSameAsRequested",
    use_tf32: "0", // what is float32 is meant to be: logits
  };
}

/** What the dynamic linker says of a library that another needs: `libcublas.so.13: cannot open shared object file`. */
const missingLibrary = /(\S+\.so[.\d]*): cannot open shared object file/;

/** ONNX Runtime's error as ours, where it is about a library that is missing. */
export function loadFailure(error: unknown, library: string): unknown {
  const [, missing] = missingLibrary.exec(error instanceof Error ? error.message : "") ?? [];
  if (missing === undefined) return error;
  const provider = path.join(path.dirname(library), kernelsFile);
  return cudaError({ kind: "missing-library", provider, missing }, error);
}
