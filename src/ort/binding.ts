import type { Pointer } from "./api.js";
import type { Session } from "./session.js";
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

  input(name: string, tensor: Tensor): this {
    this.session.api.bindInput(this.handle, name, tensor.pointer());
    this.#bound.set(`input ${name}`, tensor);
    return this;
  }

  output(name: string, tensor: Tensor): this {
    this.session.api.bindOutput(this.handle, name, tensor.pointer());
    this.#bound.set(`output ${name}`, tensor);
    return this;
  }

  /**
   * Runs the session once on a worker thread. Bound tensors must not be touched until it settles, and
   * one session runs one binding at a time.
   * @throws {OrtCallError} when a kernel fails; outputs are then undefined.
   */
  run(): Promise<undefined> {
    return this.session.api.later.runWithBinding(this.session.pointer(), 0n, this.handle);
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
