import type { Binding, Session, Tensor } from "../../ort/index.js";
import { io } from "../../model/index.js";
import { ExchangeBuffer, hostMemoryOf, int32Values } from "./exchange-buffer.js";
import type { LayerCache } from "./kv-cache.js";

/** Each part of the buffer begins at a multiple of so many numbers: 256 bytes, as CUDA aligns its allocations. */
const alignment = 64;

/** Memory for the inputs of a run, shared by all bindings of a side: one run at a time. */
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
  /** A slot's length. */
  readonly #longest: Tensor;

  /**
   * @param maxTokens the most tokens of a run; also the most rows.
   * @param maxLength positions of a slot.
   */
  constructor(session: Session, maxTokens: number, maxLength: number) {
    this.#stride = Math.ceil(maxTokens / alignment) * alignment;
    this.#numbers = new ExchangeBuffer(session, "int32", 5 * this.#stride, int32Values);
    const part = (index: number): Int32Array => {
      const start = index * this.#stride;
      return this.#numbers.values.subarray(start, start + maxTokens);
    };
    [this.tokenIds, this.positions, this.lastPositions, this.logitRows] = [part(0), part(1), part(2), part(3)];
    part(4).forEach((_, row, rows) => (rows[row] = row));
    const { tensor, bytes } = hostMemoryOf(session, "int32", 1);
    this.#totalLength = tensor;
    this.totalLength = int32Values(bytes);
    const longest = hostMemoryOf(session, "int32", 1);
    this.#longest = longest.tensor;
    int32Values(longest.bytes)[0] = maxLength;
    this.upload(); // the rows in order, which nobody writes again
  }

  /**
   * Binds the inputs of a run of `batch` rows of `tokens` tokens each, of which `rows` positions are wanted; returns what
   * the caller disposes.
   */
  bindPrefill(binding: Binding, batch: number, tokens: number, rows: number): Tensor[] {
    return this.#bind(binding, batch, tokens, this.#view([rows], 3));
  }

  /** Binds the inputs of a run of `rows` rows of one token each, all of them wanted; returns what the caller disposes. */
  bindDecode(binding: Binding, rows: number): Tensor[] {
    return this.#bind(binding, rows, 1, this.#view([rows], 4));
  }

  /** Binds these inputs as what a decode of as many rows gives for the next one; returns what the caller disposes. */
  bindNext(binding: Binding, rows: number): Tensor[] {
    const views = {
      [io.nextTokenIds]: this.#view([rows, 1], 0),
      [io.nextPositions]: this.#view([rows, 1], 1),
      [io.nextLastPositions]: this.#view([rows], 2),
    };
    for (const [name, tensor] of Object.entries(views)) binding.output(name, tensor);
    return Object.values(views);
  }

  #bind(binding: Binding, batch: number, tokens: number, logitRows: Tensor): Tensor[] {
    const views = {
      [io.tokenIds]: this.#view([batch, tokens], 0),
      [io.positions]: this.#view([batch, tokens], 1),
      [io.lastPositions]: this.#view([batch], 2),
      [io.logitRows]: logitRows,
    };
    for (const [name, tensor] of Object.entries(views)) binding.input(name, tensor);
    binding.hostInput(io.totalLength, this.#totalLength);
    return Object.values(views);
  }

  #view(shape: readonly number[], index: number): Tensor {
    return this.#numbers.view(shape, index * this.#stride);
  }

  /**
   * Binds a slot's whole length as the total length, which the host reads: the same in every run. The attention kernel
   * takes it as a bound for how it shares out its work; how long each row is it reads from the last positions.
   */
  bindLongest(binding: Binding): void {
    binding.hostInput(io.totalLength, this.#longest);
  }

  /**
   * What a decode wrote here for the next one, as bytes of the caller's own. It takes the place of what JavaScript wrote,
   * which is written anew before any run that begins from that.
   */
  nextBytes(): Uint8Array {
    this.#numbers.download();
    const { buffer, byteOffset } = this.#numbers.values;
    return new Uint8Array(buffer, byteOffset, 3 * this.#stride * Int32Array.BYTES_PER_ELEMENT).slice();
  }

  /** Lets the next run see what was written. */
  upload(): void {
    this.#numbers.upload();
  }

  [Symbol.dispose](): void {
    this.#numbers[Symbol.dispose]();
    this.#totalLength.dispose();
    this.#longest.dispose();
  }
}

/** Binds each layer's cache as past and present: the same memory, so that the kernel appends in place. */
export function bindCache(binding: Binding, layers: readonly LayerCache[]): void {
  for (const [layer, { key, value }] of layers.entries()) {
    binding.input(io.pastKey(layer), key).output(io.presentKey(layer), key);
    binding.input(io.pastValue(layer), value).output(io.presentValue(layer), value);
  }
}
