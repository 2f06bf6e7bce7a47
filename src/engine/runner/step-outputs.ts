import type { Binding, Session, Tensor } from "../../ort/index.js";
import { io, logitBlocks, type DecoderShape, type Selection } from "../../model/index.js";
import { highestToken } from "../sampling/logit-blocks.js";
import { float32Values, hostMemoryOf } from "./exchange-buffer.js";
import { PlainOutputs } from "./plain-outputs.js";
import type { RunResult } from "./runner.js";
import { SelectedOutputs } from "./selected-outputs.js";

/** Memory for the outputs of runs, and what the last of them said. */
export interface StepOutputs extends RunResult, Disposable {
  /** Rows that a run has even where nothing of it is wanted. */
  readonly minRows: number;
  /** Binds the outputs of a run with `rows` wanted positions; returns what the caller disposes. */
  bind(binding: Binding, rows: number): Tensor[];
  /** A run is over: what was read of an earlier one is out of date. */
  renew(): void;
}

/** For up to `maxRows` wanted positions, of a graph that selects in this way. */
export function createOutputs(
  session: Session,
  shape: DecoderShape,
  maxRows: number,
  selection: Selection,
): StepOutputs {
  const outputs = { "block-maxima": BlockedOutputs, "on-device": SelectedOutputs, none: PlainOutputs };
  return new outputs[selection](session, shape, maxRows);
}

/** Logits and their blocks' maxima, where a session computes on the host. */
class BlockedOutputs implements StepOutputs {
  readonly minRows = 0;
  readonly #logitsTensor: Tensor;
  readonly #logits: Float32Array;
  readonly #blockMaximaTensor: Tensor;
  readonly #blockMaxima: Float32Array;
  readonly #vocabularySize: number;
  readonly #blocks: number;

  constructor(session: Session, shape: DecoderShape, maxRows: number) {
    this.#vocabularySize = shape.vocabularySize;
    this.#blocks = logitBlocks(shape);
    const logits = hostMemoryOf(session, "float32", maxRows * this.#vocabularySize);
    const blockMaxima = hostMemoryOf(session, "float32", maxRows * this.#blocks);
    [this.#logitsTensor, this.#logits] = [logits.tensor, float32Values(logits.bytes)];
    [this.#blockMaximaTensor, this.#blockMaxima] = [blockMaxima.tensor, float32Values(blockMaxima.bytes)];
  }

  bind(binding: Binding, rows: number): Tensor[] {
    const logits = this.#logitsTensor.view([rows, this.#vocabularySize]);
    const blockMaxima = this.#blockMaximaTensor.view([rows, 1, this.#blocks]);
    binding.output(io.logits, logits).output(io.blockMaxima, blockMaxima);
    return [logits, blockMaxima];
  }

  renew(): void {
    // Runs write where JavaScript reads.
  }

  logits(row: number): Float32Array {
    return this.#logits.subarray(row * this.#vocabularySize, (row + 1) * this.#vocabularySize);
  }

  blockMaxima(row: number): Float32Array {
    return this.#blockMaxima.subarray(row * this.#blocks, (row + 1) * this.#blocks);
  }

  highestToken(row: number): number | undefined {
    const logits = { row: this.logits(row), maxima: this.blockMaxima(row) };
    const highest = highestToken(logits);
    return Number.isFinite(logits.row[highest]) ? highest : undefined;
  }

  topLogits(): undefined {
    return undefined; // the maxima lead to any number of them
  }

  [Symbol.dispose](): void {
    this.#logitsTensor.dispose();
    this.#blockMaximaTensor.dispose();
  }
}
