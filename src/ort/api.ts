/**
 * The functions of ONNX Runtime's C API that we call, typed.
 *
 * `OrtApi` is an append-only table of function pointers: an index never changes between versions
 * (onnxruntime_c_api.h). Each entry below gives the index, the header's name and the C argument
 * types; from them come both the native binding and the TypeScript signature.
 */
import { OrtCallError } from "./errors.js";
import { koffi } from "./ffi.js";

/** An address in this process. 0n is null. Never leaves `src/ort`. */
export type Pointer = bigint;

interface ArgumentTypes {
  readonly int: number;
  readonly size: number;
  readonly str: string;
  readonly ptr: Pointer;
  /** C strings, `const char * const *`. */
  readonly strs: readonly string[];
  /** Memory that is read or written during the call only. */
  readonly memory: ArrayBufferView;
}
type CType = keyof ArgumentTypes;
type Arguments<C extends readonly CType[]> = { -readonly [I in keyof C]: ArgumentTypes[C[I]] };

interface Entry<C extends readonly CType[], R> {
  readonly index: number;
  readonly name: string;
  readonly arguments: C;
  readonly kind: "check" | "create" | "release" | "number" | "text";
  /** Only at compile time: what the call returns. */
  readonly result?: R;
}

const entry =
  <R>(kind: Entry<readonly CType[], R>["kind"]) =>
  <const C extends readonly CType[]>(index: number, name: string, args: C): Entry<C, R> => ({
    index,
    name,
    arguments: args,
    kind,
  });

/** Returns a status, nothing else. */
const checks = entry<undefined>("check");
/** Returns a status and, through its last argument (not listed), a pointer. */
const creates = entry<Pointer>("create");
const releases = entry<undefined>("release");

const table = {
  getErrorCode: entry<number>("number")(1, "GetErrorCode", ["ptr"]),
  getErrorMessage: entry<string>("text")(2, "GetErrorMessage", ["ptr"]),
  releaseStatus: releases(93, "ReleaseStatus", ["ptr"]),

  createEnv: creates(3, "CreateEnv", ["int", "str"]),

  createSessionOptions: creates(10, "CreateSessionOptions", []),
  setSessionGraphOptimizationLevel: checks(23, "SetSessionGraphOptimizationLevel", ["ptr", "int"]),
  setIntraOpNumThreads: checks(24, "SetIntraOpNumThreads", ["ptr", "int"]),
  addSessionConfigEntry: checks(130, "AddSessionConfigEntry", ["ptr", "str", "str"]),
  releaseSessionOptions: releases(100, "ReleaseSessionOptions", ["ptr"]),

  createCudaOptions: creates(205, "CreateCUDAProviderOptions", []),
  updateCudaOptions: checks(206, "UpdateCUDAProviderOptions", ["ptr", "strs", "strs", "size"]),
  appendCudaProvider: checks(204, "SessionOptionsAppendExecutionProvider_CUDA_V2", ["ptr", "ptr"]),
  releaseCudaOptions: releases(208, "ReleaseCUDAProviderOptions", ["ptr"]),

  createSessionFromArray: creates(8, "CreateSessionFromArray", ["ptr", "ptr", "size", "ptr"]),
  releaseSession: releases(95, "ReleaseSession", ["ptr"]),

  createMemoryInfo: creates(68, "CreateMemoryInfo", ["str", "int", "int", "int"]),
  releaseMemoryInfo: releases(94, "ReleaseMemoryInfo", ["ptr"]),
  getAllocatorWithDefaultOptions: creates(78, "GetAllocatorWithDefaultOptions", []),
  createAllocator: creates(131, "CreateAllocator", ["ptr", "ptr"]),
  releaseAllocator: releases(132, "ReleaseAllocator", ["ptr"]),

  createTensor: creates(48, "CreateTensorAsOrtValue", ["ptr", "memory", "size", "int"]),
  createTensorWithData: creates(49, "CreateTensorWithDataAsOrtValue", ["ptr", "ptr", "size", "memory", "size", "int"]),
  getTensorMutableData: creates(51, "GetTensorMutableData", ["ptr"]),
  releaseValue: releases(96, "ReleaseValue", ["ptr"]),

  createIoBinding: creates(134, "CreateIoBinding", ["ptr"]),
  bindInput: checks(136, "BindInput", ["ptr", "str", "ptr"]),
  bindOutput: checks(137, "BindOutput", ["ptr", "str", "ptr"]),
  releaseIoBinding: releases(135, "ReleaseIoBinding", ["ptr"]),

  createRunOptions: creates(39, "CreateRunOptions", []),
  addRunConfigEntry: checks(165, "AddRunConfigEntry", ["ptr", "str", "str"]),
  releaseRunOptions: releases(97, "ReleaseRunOptions", ["ptr"]),
  runWithBinding: checks(133, "RunWithBinding", ["ptr", "ptr", "ptr"]),
} as const;

type Table = typeof table;
type Call<E> = E extends Entry<infer C, infer R> ? (...args: Arguments<C>) => R : never;
/** The same call on a worker thread, off the event loop. */
type LaterCall<E> = E extends Entry<infer C, infer R> ? (...args: Arguments<C>) => Promise<R> : never;

export type OrtApi = { readonly [K in keyof Table]: Call<Table[K]> } & {
  readonly later: {
    readonly createEnv: LaterCall<Table["createEnv"]>;
    readonly runWithBinding: LaterCall<Table["runWithBinding"]>;
    readonly createSessionFromArray: LaterCall<Table["createSessionFromArray"]>;
  };
  /** The address of `RunWithBinding`, for a thread that is not libuv's. */
  readonly runWithBindingAt: Pointer;
  /** Throws an OrtCallError for a status that such a thread brought, and releases it. */
  readonly check: (name: string, status: unknown) => void;
};

const cNames: Record<CType, string> = {
  int: "int",
  size: "size_t",
  str: "str",
  strs: "const char **",
  ptr: "void *",
  memory: "void *",
};

interface NativeFunction {
  (...args: readonly unknown[]): unknown;
  async(...args: readonly unknown[]): void;
}

/** Binds the whole table found at `base` (an `OrtApi *`). */
export function bindApi(base: Pointer): OrtApi {
  const addressOf = ({ index }: { readonly index: number }): unknown => koffi.decode(base, index * 8, "void *");
  const native = (e: Entry<readonly CType[], unknown>): NativeFunction => {
    const result = { check: "void *", create: "void *", release: "void", number: "int", text: "str" }[e.kind];
    const args = e.arguments.map((type) => cNames[type]);
    if (e.kind === "create") args.push("void *");
    return koffi.decode(addressOf(e), koffi.proto(result, args)) as NativeFunction;
  };

  const errorCode = native(table.getErrorCode);
  const errorMessage = native(table.getErrorMessage);
  const releaseStatus = native(table.releaseStatus);

  /** Throws for a status that is not null, and releases it. */
  const check = (name: string, status: unknown): void => {
    if (status === null || status === 0n) return;
    const error = new OrtCallError(name, Number(errorCode(status)), String(errorMessage(status)));
    releaseStatus(status);
    throw error;
  };

  const bind = (e: Entry<readonly CType[], unknown>): ((...args: readonly unknown[]) => unknown) => {
    const call = native(e);
    if (e.kind === "check") return (...args) => check(e.name, call(...args));
    if (e.kind !== "create") return call;
    return (...args) => {
      const out = new BigUint64Array(1);
      check(e.name, call(...args, out));
      return out[0];
    };
  };

  const bindLater = (e: Entry<readonly CType[], unknown>): ((...args: readonly unknown[]) => Promise<unknown>) => {
    const call = native(e);
    return async (...args) => {
      // The callee writes here later: memory of its own, which V8 does not move.
      const out = e.kind === "create" ? new BigUint64Array(new ArrayBuffer(8)) : undefined;
      const all = out === undefined ? args : [...args, koffi.address(out)];
      const status = await new Promise<unknown>((resolve, reject) => {
        call.async(...all, (failure: Error | null, result: unknown) => {
          if (failure === null) resolve(result);
          else reject(failure);
        });
      });
      check(e.name, status);
      return out?.[0];
    };
  };

  const calls = Object.fromEntries(Object.entries(table).map(([key, e]) => [key, bind(e)]));
  const later = {
    createEnv: bindLater(table.createEnv),
    runWithBinding: bindLater(table.runWithBinding),
    createSessionFromArray: bindLater(table.createSessionFromArray),
  };
  // The table above is the only description of these functions; no type system sees through a C function pointer.
  return { ...calls, later, runWithBindingAt: addressOf(table.runWithBinding), check } as unknown as OrtApi;
}
