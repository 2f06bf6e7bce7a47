import type { OrtApi, Pointer } from "./api.js";

/** The graph id of runs that are neither captured nor replayed. */
export const notCaptured = -1;

/**
 * An `OrtRunOptions` of a session whose runs are captured: which graph the run is. ONNX Runtime computes the first run
 * of an id twice or more, for its memory and to record what the device does; later ones replay the record, and look at
 * none of what is bound. So the bound memory must be the same for every run of an id, and on the device.
 */
export class RunOptions implements Disposable {
  readonly #handle: Pointer;
  #disposed = false;

  constructor(
    private readonly api: OrtApi,
    graphId: number,
  ) {
    this.#handle = api.createRunOptions();
    api.addRunConfigEntry(this.#handle, "gpu_graph_id", String(graphId));
  }

  /** For runs of this folder. */
  pointer(): Pointer {
    return this.#handle;
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.api.releaseRunOptions(this.#handle);
  }
}
