import type { Binding, Session, Tensor } from "../../ort/index.js";
import { io } from "../../model/index.js";
import { ExchangeBuffer, hostMemoryOf, int32Values } from "./exchange-buffer.js";
import type { LayerCache } from "./kv-cache.js";

/** Each part of the buffer begins at a multiple of so many numbers: 256 bytes, as CUDA aligns its allocations. */
const alignment = 64;

/** Memory for the inputs of a run, shared by all bindings: one run at a time. */
export class StepInputs implements Disposable {
  readonly tokenIds: Int32Array;
  readonly positions: Int32Array;
  readonly lastPositions: Int32Array;
  readonly logitRows: Int32Array;
  readonly totalLength: Int32Array;
  /** All but the total length, which kernels read on the host: one copy brings them to a device. */
  readonly #numbers: ExchangeBuffer<Int32Array>;
  /** Numbers from the beginning of one input to that of the next. */
  readonly #stride: number;
  readonly #totalLength: Tensor;

  /** @param maxTokens the most tokens of a run; also the most rows. */
  constructor(session: Session, maxTokens: number) {
    this.#stride = Math.ceil(maxTokens / alignment) * alignment;
    this.#numbers = new ExchangeBuffer(session, "int32", 4 * this.#stride, int32Values);
    const part = (index: number): Int32Array => {
      const start = index * this.#stride;
      return this.#numbers.values.subarray(start, start + maxTokens);
    };
    this.tokenIds = part(0);
    this.positions = part(1);
    this.lastPositions = part(2);
    this.logitRows = part(3);
    const { tensor, bytes } = hostMemoryOf(session, "int32", 1);
    this.#totalLength = tensor;
    this.totalLength = int32Values(bytes);
  }

  /** Binds the inputs of a run of `batch` rows of `tokens` tokens each; returns what the caller disposes. */
  bind(binding: Binding, batch: number, tokens: number, rows: number): Tensor[] {
    const view = (shape: readonly number[], index: number): Tensor => this.#numbers.view(shape, index * this.#stride);
    const views = {
      [io.tokenIds]: view([batch, tokens], 0),
      [io.positions]: view([batch, tokens], 1),
      [io.lastPositions]: view([batch], 2),
      [io.logitRows]: view([rows], 3),
    };
    for (const [name, tensor] of Object.entries(views)) binding.input(name, tensor);
    binding.hostInput(io.totalLength, this.#totalLength);
    return Object.values(views);
  }

  /** Lets the next run see what was written. */
  upload(): void {
    this.#numbers.upload();
  }

  [Symbol.dispose](): void {
    this.#numbers[Symbol.dispose]();
    this.#totalLength.dispose();
  }
}

/** Binds each layer's cache as past and present: the same memory, so that the kernel appends in place. */
export function bindCache(binding: Binding, layers: readonly LayerCache[]): void {
  for (const [layer, { key, value }] of layers.entries()) {
    binding.input(io.pastKey(layer), key).output(io.presentKey(layer), key);
    binding.input(io.pastValue(layer), value).output(io.presentValue(layer), value);
  }
}
