import { InternalError } from "../errors.js";
import type { OrtApi, Pointer } from "./api.js";
import type { Binding } from "./binding.js";
import { createCpuDevice, type Device, type DeviceChoice } from "./device.js";
import { koffi } from "./ffi.js";
import { withFlashAttention } from "./flash-attention.js";
import { anonymousMemory, memoryMap, moveToHugePages, newMemory } from "./huge-pages.js";
import { loadOrtLibrary } from "./library.js";
import { notCaptured } from "./run-options.js";
import type { RunThread } from "./run-thread.js";

export interface SessionOptions {
  /** Folder to which the external initializers' locations are relative. */
  readonly externalDataFolder: string;
  /** Threads that share one operator, the calling one included. */
  readonly threads: number;
  /** Idle threads wait for the next operator in a busy loop: quicker hand-over, a core kept busy. */
  readonly isSpinning: boolean;
  /** Another libonnxruntime than the one shipped. */
  readonly libraryPath?: string | undefined;
  /**
   * GroupQueryAttention computes whole rows of scores instead of blocks. Slower with a float32 cache; with an int8 one
   * quicker, and a row's bits depend on nothing but the row (docs/decisions/0017-int8.md).
   */
  readonly isFlashAttentionOff?: boolean | undefined;
  /** The CPU by default. */
  readonly device?: DeviceChoice | undefined;
  /** Whether runs may be captured as CUDA graphs, where the device has them (docs/decisions/0028-cuda-graphs.md). */
  readonly cudaGraphs?: boolean | undefined;
}

/** Whether runs of a session can be captured as CUDA graphs. */
export interface GraphCapture {
  readonly isOn: boolean;
  /** Why, in one line, for the log. */
  readonly reason: string;
}

/** What a session has whose runs can be captured. */
interface CapturingParts {
  readonly graphCapture: GraphCapture;
  readonly thread?: RunThread | undefined;
}

const noGraphs: CapturingParts = { graphCapture: { isOn: false, reason: "CPUs have none" } };

/** Where the memory of a session's inputs and outputs is. */
export interface SessionDevices {
  /** Ordinary memory. */
  readonly cpu: Device;
  /** Where it computes: its weights are there, and a cache is to be. The same as `cpu` on a CPU. */
  readonly device: Device;
  /** Memory for numbers that JavaScript exchanges with `device`: pinned for it, where that is another. */
  readonly host: Device;
}

/** ONNX Runtime's own lines on standard error: none, since each error is a status that we report. */
const logFatalOnly = 4; // ORT_LOGGING_LEVEL_FATAL
/**
 * Graph rewriting that is the same on every provider: constants are folded (weights widened from float16),
 * nothing is fused. The graph builder writes fused operators itself.
 */
const basicOptimizations = 1; // ORT_ENABLE_BASIC

interface Environment {
  readonly env: Pointer;
  readonly cpu: Device;
}

/** One process-wide `OrtEnv` for each library: it owns the logger. */
const environments = new Map<OrtApi, Promise<Environment>>();

/** Made on a worker thread: ONNX Runtime registers some thousand operators then. */
export function environmentOf(api: OrtApi): Promise<Environment> {
  const known = environments.get(api);
  if (known !== undefined) return known;
  const making = api.later.createEnv(logFatalOnly, "ortler").then((env) => ({ env, cpu: createCpuDevice(api) }));
  environments.set(api, making);
  return making;
}

/**
 * Begins what the first session would wait for, so that it is done while a checkpoint is looked at.
 * @throws {ConfigurationError} when there is no usable library at `libraryPath`.
 */
export function prepareSessions(libraryPath?: string): void {
  environmentOf(loadOrtLibrary(libraryPath).api).catch(() => undefined); // told when a session is made
}

/** An `OrtSession`: a graph with its weights, ready to run. */
export class Session implements Disposable, SessionDevices {
  readonly cpu: Device;
  readonly device: Device;
  readonly host: Device;
  readonly graphCapture: GraphCapture;
  /** Where its runs are captured, they are all on this thread. */
  private readonly thread: RunThread | undefined;
  #disposed = false;

  private constructor(
    readonly api: OrtApi,
    readonly ortVersion: string,
    private readonly handle: Pointer,
    private readonly devices: SessionDevices & Partial<Disposable>,
    /** Memory before it was made and after: between them are its weights, as the kernels want them. */
    private readonly maps: { readonly before: string; readonly after: string } = { before: "", after: "" },
    { graphCapture, thread }: CapturingParts = noGraphs,
  ) {
    ({ cpu: this.cpu, device: this.device, host: this.host } = devices);
    this.graphCapture = graphCapture;
    this.thread = thread;
  }

  /**
   * Creates a session from a serialized ONNX model, on a worker thread.
   *
   * Weights are prepacked, always: without it the kernels give other bits (docs/decisions/0006-bit-identity.md).
   * @param model bytes of the graph; keep weights out of it, ONNX Runtime copies what it is given.
   * @throws {OrtCallError} when ONNX Runtime refuses the graph.
   * @throws {ConfigurationError} when the device is not usable, or has too little memory.
   */
  static async create(model: Uint8Array<ArrayBuffer>, options: SessionOptions): Promise<Session> {
    const { device: choice = { kind: "cpu" } } = options;
    const library = loadOrtLibrary(options.libraryPath);
    const { api, version } = library;
    const { env, cpu } = await environmentOf(api);
    const create = (settings: Pointer): Promise<Pointer> => createHandle(api, env, model, settings, options);
    if (choice.kind === "cpu") {
      const before = memoryMap();
      const handle = await withOptions(api, options, create);
      return new Session(api, version, handle, { cpu, device: cpu, host: cpu }, { before, after: memoryMap() });
    }
    const { createCapturing, openCuda } = await import("./cuda/devices.js"); // most servers have no GPU
    const cuda = openCuda(library, choice);
    const { made: handle, graphCapture } = await createCapturing(options.cudaGraphs ?? false, (isCapturing) =>
      withOptions(api, options, (settings) => cuda.create(settings, isCapturing, create)),
    );
    const capturing = { graphCapture, thread: graphCapture.isOn ? await startThread(api) : undefined };
    return new Session(api, version, handle, { cpu, ...cuda.devicesOf(handle) }, undefined, capturing);
  }

  /** For bindings of this folder: see `Binding.run`. */
  run(binding: Binding, graphId: number): Promise<undefined> {
    const pointer = binding.pointer();
    if (this.thread !== undefined) return this.thread.run(this.handle, pointer, graphId);
    if (graphId !== notCaptured) throw new InternalError("a run was to be captured by a session that captures none");
    return this.api.later.runWithBinding(this.handle, 0n, pointer);
  }

  pointer(): Pointer {
    return this.handle;
  }

  /**
   * Puts the weights into huge pages, where the system has them: steps read them faster. It takes about two seconds for
   * each GB, beside whatever runs, and changes no bit.
   * @param signal Aborted before the session is disposed of.
   * @returns bytes that are in huge pages now.
   */
  moveToHugePages(signal?: AbortSignal): Promise<number> {
    const { before, after } = this.maps;
    return moveToHugePages(newMemory(anonymousMemory(before), anonymousMemory(after)), signal);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.thread?.[Symbol.dispose]();
    this.devices[Symbol.dispose]?.();
    this.api.releaseSession(this.handle);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

async function startThread(api: OrtApi): Promise<RunThread> {
  const { RunThread } = await import("./run-thread.js");
  return new RunThread(api);
}

async function createHandle(
  api: OrtApi,
  env: Pointer,
  model: Uint8Array<ArrayBuffer>,
  settings: Pointer,
  { isFlashAttentionOff = false }: SessionOptions,
): Promise<Pointer> {
  const bytes = model.slice().buffer; // memory that V8 does not move while the worker reads it
  const create = (): Promise<Pointer> =>
    api.later.createSessionFromArray(env, koffi.address(bytes), bytes.byteLength, settings);
  return await withFlashAttention(isFlashAttentionOff, create); // until then `bytes` is held
}

async function withOptions<T>(
  api: OrtApi,
  options: SessionOptions,
  use: (settings: Pointer) => Promise<T>,
): Promise<T> {
  const settings = createOptions(api, options);
  try {
    return await use(settings);
  } finally {
    api.releaseSessionOptions(settings);
  }
}

function createOptions(api: OrtApi, options: SessionOptions): Pointer {
  const settings = api.createSessionOptions();
  api.setSessionGraphOptimizationLevel(settings, basicOptimizations);
  api.setIntraOpNumThreads(settings, options.threads);
  const entries = {
    "session.model_external_initializers_file_folder_path": options.externalDataFolder,
    "session.intra_op.allow_spinning": options.isSpinning ? "1" : "0",
  };
  for (const [key, value] of Object.entries(entries)) api.addSessionConfigEntry(settings, key, value);
  return settings;
}
