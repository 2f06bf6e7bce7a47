import { Tensor, type Binding, type Session } from "../../ort/index.js";
import { candidateCount, io, logitBlocks, type DecoderShape } from "../../model/index.js";
import { findMaxima } from "../sampling/logit-blocks.js";
import type { TopLogits } from "../sampling/top-logits.js";
import { ExchangeBuffer, float32Values, hostMemoryOf, int32Values } from "./exchange-buffer.js";
import type { StepOutputs } from "./step-outputs.js";

/**
 * Logits that stay where the session computes, and the likely tokens that the graph selected of them. What JavaScript
 * asks for is brought here then: the tokens of all rows at once, logits one row at a time.
 */
export class SelectedOutputs implements StepOutputs {
  /** ONNX Runtime's TopK ends the process on no rows. */
  readonly minRows = 1;
  readonly #logits: Tensor;
  readonly #bestTokens: ExchangeBuffer<Int32Array>;
  readonly #logSumExps: ExchangeBuffer<Float32Array>;
  readonly #topTokens: ExchangeBuffer<Int32Array>;
  readonly #topLogits: ExchangeBuffer<Float32Array>;
  readonly #isHere = { best: false, top: false };
  /** The row whose logits are in `#row`. */
  #rowHere: number | undefined;
  readonly #rowTensor: Tensor;
  readonly #row: Float32Array;
  readonly #maxima: Float32Array;
  readonly #count: number;
  /** Lent to the caller of `topLogits`. */
  readonly #topIds: Int32Array;

  constructor(
    session: Session,
    private readonly shape: DecoderShape,
    maxRows: number,
  ) {
    const { vocabularySize } = shape;
    this.#count = candidateCount(shape);
    this.#logits = Tensor.allocate(session.api, session.device, "float32", [maxRows, vocabularySize]);
    this.#bestTokens = new ExchangeBuffer(session, "int64", maxRows, int32Values);
    this.#logSumExps = new ExchangeBuffer(session, "float32", maxRows, float32Values);
    this.#topTokens = new ExchangeBuffer(session, "int64", maxRows * this.#count, int32Values);
    this.#topLogits = new ExchangeBuffer(session, "float32", maxRows * this.#count, float32Values);
    const { tensor, bytes } = hostMemoryOf(session, "float32", vocabularySize);
    this.#rowTensor = tensor;
    this.#row = float32Values(bytes);
    this.#maxima = new Float32Array(logitBlocks(shape));
    this.#topIds = new Int32Array(this.#count);
  }

  bind(binding: Binding, rows: number): Tensor[] {
    const views = {
      [io.logits]: this.#logits.view([rows, this.shape.vocabularySize]),
      [io.bestToken]: this.#bestTokens.view([rows]),
      [io.logSumExp]: this.#logSumExps.view([rows]),
      [io.topTokens]: this.#topTokens.view([rows, this.#count]),
      [io.topLogits]: this.#topLogits.view([rows, this.#count]),
    };
    for (const [name, tensor] of Object.entries(views)) binding.output(name, tensor);
    return Object.values(views);
  }

  renew(): void {
    this.#isHere.best = false;
    this.#isHere.top = false;
    this.#rowHere = undefined;
  }

  /** Of the last run, of all rows: the best tokens, the sums over all logits, the top logits and their tokens. */
  selectedBytes(): Uint8Array {
    this.#bringBest();
    this.#bringTop();
    const parts = [this.#bestTokens.values, this.#logSumExps.values, this.#topTokens.values, this.#topLogits.values];
    return Buffer.concat(
      parts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
    );
  }

  logits(row: number): Float32Array {
    if (this.#rowHere !== row) this.#rowTensor.copyFrom(this.#logits, row * this.#rowTensor.byteLength);
    this.#rowHere = row;
    return this.#row;
  }

  blockMaxima(row: number): Float32Array {
    findMaxima({ row: this.logits(row), maxima: this.#maxima });
    return this.#maxima;
  }

  highestToken(row: number): number | undefined {
    return this.#isUsable(row) ? lowHalf(this.#bestTokens.values, row) : undefined;
  }

  topLogits(row: number): TopLogits | undefined {
    if (!this.#isUsable(row)) return undefined;
    this.#bringTop();
    const start = row * this.#count;
    for (let i = 0; i < this.#count; i += 1) this.#topIds[i] = lowHalf(this.#topTokens.values, start + i);
    return { ids: this.#topIds, logits: this.#topLogits.values.subarray(start, start + this.#count) };
  }

  /** A NaN or an infinite logit anywhere in the row makes the logarithm NaN. */
  #isUsable(row: number): boolean {
    this.#bringBest();
    return Number.isFinite(this.#logSumExps.values[row]);
  }

  #bringBest(): void {
    if (this.#isHere.best) return;
    this.#bestTokens.download();
    this.#logSumExps.download();
    this.#isHere.best = true;
  }

  #bringTop(): void {
    if (this.#isHere.top) return;
    this.#topTokens.download();
    this.#topLogits.download();
    this.#isHere.top = true;
  }

  [Symbol.dispose](): void {
    const buffers = [this.#bestTokens, this.#logSumExps, this.#topTokens, this.#topLogits];
    for (const owned of [this.#logits, this.#rowTensor, ...buffers]) owned[Symbol.dispose]();
  }
}

/** Of int64 number `index`, which is not negative and below 2^31: no bigint is made for it. */
const lowHalf = (halves: Int32Array, index: number): number => halves[2 * index] ?? 0;
