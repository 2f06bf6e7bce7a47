import { createRequire } from "node:module";
import path from "node:path";
import { ConfigurationError } from "../errors.js";
import { bindApi, type OrtApi, type Pointer } from "./api.js";
import { koffi, type LibraryHandle } from "./ffi.js";

export type { OrtApi, Pointer } from "./api.js";

/**
 * Version of the function table that we ask for. Every function in use is older; tests run on the release that
 * onnxruntime-node ships (1.30), whose attention kernel is what bit identity was measured on.
 */
const apiVersion = 22;
const oldestVersion = "1.22.0";

export interface OrtLibrary {
  /** The file, as it was named. */
  readonly path: string;
  readonly api: OrtApi;
  /** ONNX Runtime's own version, e.g. `1.30.0`. */
  readonly version: string;
  /** koffi unloads a library whose handle is collected, and with it the code that function pointers point to. */
  readonly handle: LibraryHandle;
}

const loaded = new Map<string, OrtLibrary>();

/**
 * Loads ONNX Runtime's shared library, once for each path.
 * @param libraryPath a `libonnxruntime` of one's own (a CUDA build); by default the one in `onnxruntime-node`.
 * @throws {ConfigurationError} when it cannot be loaded or is too old.
 */
export function loadOrtLibrary(libraryPath: string = shippedLibrary()): OrtLibrary {
  const known = loaded.get(libraryPath);
  if (known !== undefined) return known;
  const library = open(libraryPath);
  loaded.set(libraryPath, library);
  return library;
}

function open(libraryPath: string): OrtLibrary {
  let handle: LibraryHandle;
  let base: unknown;
  try {
    handle = koffi.load(libraryPath);
    base = handle.func("void *OrtGetApiBase(void)")();
  } catch (error) {
    throw new ConfigurationError(`cannot load ONNX Runtime from ${libraryPath}: ${String(error)}`, { cause: error });
  }
  const call = (offset: number, prototype: string, ...args: unknown[]): unknown =>
    koffi.call(koffi.decode(base, offset, "void *"), koffi.proto(prototype), ...args);
  const version = String(call(8, "const char *GetVersionString(void)"));
  const api = call(0, "void *GetApi(uint32_t)", apiVersion) as Pointer | null;
  if (api === null || api === 0n) {
    throw new ConfigurationError(
      `ONNX Runtime ${version} in ${libraryPath} is too old: ${oldestVersion} or later is needed`,
    );
  }
  return { path: libraryPath, api: bindApi(api), version, handle };
}

/** The CPU library inside the `onnxruntime-node` package; its own binding is not loaded. */
function shippedLibrary(): string {
  const require = createRequire(import.meta.url);
  const root = path.dirname(require.resolve("onnxruntime-node/package.json"));
  const file = { darwin: "libonnxruntime.1.dylib", win32: "onnxruntime.dll" }[process.platform as string];
  return path.join(root, "bin", "napi-v6", process.platform, process.arch, file ?? "libonnxruntime.so.1");
}
