import type { Binding, Session, Tensor } from "../../ort/index.js";
import { io, logitBlocks, type DecoderShape } from "../../model/index.js";
import { float32Buffer, int32Buffer, type HostBuffer } from "./host-buffer.js";
import type { LayerCache } from "./kv-cache.js";
import type { RunResult } from "./runner.js";

/** Memory for the inputs of a run, shared by all bindings: one run at a time. */
export class StepInputs implements Disposable {
  readonly tokenIds: HostBuffer<Int32Array>;
  readonly positions: HostBuffer<Int32Array>;
  readonly lastPositions: HostBuffer<Int32Array>;
  readonly totalLength: HostBuffer<Int32Array>;
  readonly logitRows: HostBuffer<Int32Array>;

  /** @param maxTokens the most tokens of a run; also the most rows. */
  constructor(session: Session, maxTokens: number) {
    this.tokenIds = int32Buffer(session, maxTokens);
    this.positions = int32Buffer(session, maxTokens);
    this.lastPositions = int32Buffer(session, maxTokens);
    this.totalLength = int32Buffer(session, 1);
    this.logitRows = int32Buffer(session, maxTokens);
  }

  /** Binds the inputs of a run of `batch` rows of `tokens` tokens each; returns what the caller disposes. */
  bind(binding: Binding, batch: number, tokens: number, rows: number): Tensor[] {
    const views = {
      [io.tokenIds]: this.tokenIds.view([batch, tokens]),
      [io.positions]: this.positions.view([batch, tokens]),
      [io.lastPositions]: this.lastPositions.view([batch]),
      [io.totalLength]: this.totalLength.view([1]),
      [io.logitRows]: this.logitRows.view([rows]),
    };
    for (const [name, tensor] of Object.entries(views)) binding.input(name, tensor);
    return Object.values(views);
  }

  [Symbol.dispose](): void {
    for (const buffer of [this.tokenIds, this.positions, this.lastPositions, this.totalLength, this.logitRows]) {
      buffer[Symbol.dispose]();
    }
  }
}

/** Memory for the logits and their blocks' maxima of a run of up to `maxRows` wanted positions. */
export class StepOutputs implements RunResult, Disposable {
  readonly #logits: HostBuffer<Float32Array>;
  readonly #blockMaxima: HostBuffer<Float32Array>;
  readonly #vocabularySize: number;
  readonly #blocks: number;

  constructor(session: Session, shape: DecoderShape, maxRows: number) {
    this.#vocabularySize = shape.vocabularySize;
    this.#logits = float32Buffer(session, maxRows * shape.vocabularySize);
    this.#blocks = logitBlocks(shape);
    this.#blockMaxima = float32Buffer(session, maxRows * this.#blocks);
  }

  /** Binds the outputs of a run with `rows` wanted positions; returns what the caller disposes. */
  bind(binding: Binding, rows: number): Tensor[] {
    const logits = this.#logits.view([rows, this.#vocabularySize]);
    const blockMaxima = this.#blockMaxima.view([rows, 1, this.#blocks]);
    binding.output(io.logits, logits).output(io.blockMaxima, blockMaxima);
    return [logits, blockMaxima];
  }

  logits(row: number): Float32Array {
    return this.#logits.values.subarray(row * this.#vocabularySize, (row + 1) * this.#vocabularySize);
  }

  blockMaxima(row: number): Float32Array {
    return this.#blockMaxima.values.subarray(row * this.#blocks, (row + 1) * this.#blocks);
  }

  [Symbol.dispose](): void {
    this.#logits[Symbol.dispose]();
    this.#blockMaxima[Symbol.dispose]();
  }
}

/** Binds each layer's cache as past and present: the same memory, so that the kernel appends in place. */
export function bindCache(binding: Binding, layers: readonly LayerCache[]): void {
  for (const [layer, { key, value }] of layers.entries()) {
    binding.input(io.pastKey(layer), key).output(io.presentKey(layer), key);
    binding.input(io.pastValue(layer), value).output(io.presentValue(layer), value);
  }
}
