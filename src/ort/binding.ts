import { InternalError } from "../errors.js";
import type { Pointer } from "./api.js";
import type { Session } from "./session.js";
import { notCaptured } from "./run-options.js";
import type { Tensor } from "./tensor.js";

/**
 * An `OrtIoBinding`: which tensor feeds each input and takes each output. Bound once, run many times:
 * between runs only the tensors' contents change.
 */
export class Binding implements Disposable {
  private readonly handle: Pointer;
  /** What ONNX Runtime holds addresses of. */
  readonly #bound = new Map<string, Tensor>();
  #disposed = false;

  constructor(private readonly session: Session) {
    this.handle = session.api.createIoBinding(session.pointer());
  }

  /** @throws {InternalError} when the tensor is not where the session computes: every run would copy it. */
  input(name: string, tensor: Tensor): this {
    this.#checkDevice(name, tensor);
    return this.#bindInput(name, tensor);
  }

  /** An input that kernels read on the host, wherever the session computes. */
  hostInput(name: string, tensor: Tensor): this {
    if (!tensor.device.isHost) throw new InternalError(`${name} is read on the host, its tensor is on a device`);
    return this.#bindInput(name, tensor);
  }

  /** @throws {InternalError} as `input`. */
  output(name: string, tensor: Tensor): this {
    this.#checkDevice(name, tensor);
    this.session.api.bindOutput(this.handle, name, tensor.pointer());
    this.#bound.set(`output ${name}`, tensor);
    return this;
  }

  #bindInput(name: string, tensor: Tensor): this {
    this.session.api.bindInput(this.handle, name, tensor.pointer());
    this.#bound.set(`input ${name}`, tensor);
    return this;
  }

  #checkDevice(name: string, { device }: Tensor): void {
    if (device === this.session.device) return;
    const where = device.isHost ? "on the host" : "on another device";
    throw new InternalError(`${name} is computed on ${this.session.device.kind}, its tensor is ${where}`);
  }

  /** What is bound, by `input NAME` and `output NAME`. */
  get bound(): ReadonlyMap<string, Tensor> {
    return this.#bound;
  }

  /**
   * Runs the session once on a worker thread. Bound tensors must not be touched until it settles, and
   * one session runs one binding at a time.
   * @param graphId the CUDA graph to replay, captured by its first run; only of a session that captures.
   * @throws {OrtCallError} when a kernel fails; outputs are then undefined.
   */
  run(graphId = notCaptured): Promise<undefined> {
    return this.session.run(this, graphId);
  }

  /** For sessions of this folder. */
  pointer(): Pointer {
    return this.handle;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.session.api.releaseIoBinding(this.handle);
    this.#bound.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
