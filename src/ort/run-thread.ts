import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { InternalError } from "../errors.js";
import type { OrtApi, Pointer } from "./api.js";
import { RunOptions } from "./run-options.js";

/**
 * Text and not a file: it is the same for the bundle, for the sources and for tests. It loads a library, the C library,
 * since koffi 3.3 has no memory for a thread's calls before, and ends the process at the first.
 */
const program = `
  const { parentPort, workerData } = require("node:worker_threads");
  const koffi = require(workerData.koffi);
  koffi.config({ sync_stack_size: 2 << 20 });
  koffi.load(process.platform === "win32" ? "msvcrt.dll" : null);
  const run = koffi.decode(workerData.run, koffi.proto("void *", ["void *", "void *", "void *"]));
  parentPort.on("message", (pointers) => parentPort.postMessage(run(...pointers)));
`;

interface Waiting {
  readonly resolve: (status: unknown) => void;
  readonly reject: (error: InternalError | undefined) => void;
}

/**
 * A thread that runs a session whose runs are captured, always the same: ONNX Runtime keeps captured graphs, and the
 * handles of CUDA's libraries, for each thread that has run. Other calls come off libuv's pool, on any of its threads.
 */
export class RunThread implements Disposable {
  readonly #worker: Worker;
  /** By graph id. */
  readonly #options = new Map<number, RunOptions>();
  #waiting: Waiting | undefined;
  /** Why there is no thread any more. */
  #failure: InternalError | undefined;

  constructor(private readonly api: OrtApi) {
    const koffi = createRequire(import.meta.url).resolve("koffi");
    const workerData = { koffi, run: api.runWithBindingAt };
    this.#worker = new Worker(program, { eval: true, execArgv: [], workerData });
    this.#worker.on("message", (status: unknown) => this.#settle(({ resolve }) => resolve(status)));
    this.#worker.on("error", (error) => {
      this.#failure = new InternalError("the thread that runs a session has failed", { cause: error });
      this.#settle(({ reject }) => reject(this.#failure));
    });
    this.#worker.unref(); // while nothing runs it keeps no process alive
  }

  /**
   * Runs once. One call at a time.
   * @throws {OrtCallError} when a kernel fails.
   * @throws {InternalError} when the thread is gone.
   */
  async run(session: Pointer, binding: Pointer, graphId: number): Promise<undefined> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#waiting !== undefined) throw new InternalError("a session was run while a run was under way");
    const options = this.#optionsOf(graphId).pointer();
    const status = await new Promise<unknown>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.ref();
      this.#worker.postMessage([session, options, binding]);
    });
    this.api.check("RunWithBinding", status);
  }

  #optionsOf(graphId: number): RunOptions {
    const known = this.#options.get(graphId);
    if (known !== undefined) return known;
    const options = new RunOptions(this.api, graphId);
    this.#options.set(graphId, options);
    return options;
  }

  #settle(tell: (waiting: Waiting) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#worker.unref();
    if (waiting !== undefined) tell(waiting);
  }

  /** Nothing may be under way. */
  [Symbol.dispose](): void {
    void this.#worker.terminate();
    for (const options of this.#options.values()) options[Symbol.dispose]();
    this.#options.clear();
  }
}
