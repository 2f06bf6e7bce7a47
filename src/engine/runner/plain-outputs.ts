import type { Binding, Session, Tensor } from "../../ort/index.js";
import { io, type DecoderShape } from "../../model/index.js";
import { ExchangeBuffer, float32Values } from "./exchange-buffer.js";
import type { StepOutputs } from "./step-outputs.js";

const noMaxima = new Float32Array();

/**
 * Logits alone, of which JavaScript searches whole rows: what selection in the graph is checked against. From a device
 * they come here all at once.
 */
export class PlainOutputs implements StepOutputs {
  readonly minRows: number;
  readonly #logits: ExchangeBuffer<Float32Array>;
  readonly #vocabularySize: number;
  #isHere = false;

  constructor(session: Session, { vocabularySize }: DecoderShape, maxRows: number) {
    this.minRows = session.device.isHost ? 0 : 1; // kernels of devices were not tried on no rows
    this.#vocabularySize = vocabularySize;
    this.#logits = new ExchangeBuffer(session, "float32", maxRows * vocabularySize, float32Values);
  }

  bind(binding: Binding, rows: number): Tensor[] {
    const logits = this.#logits.view([rows, this.#vocabularySize]);
    binding.output(io.logits, logits);
    return [logits];
  }

  renew(): void {
    this.#isHere = false;
  }

  logits(row: number): Float32Array {
    if (!this.#isHere) this.#logits.download();
    this.#isHere = true;
    return this.#logits.values.subarray(row * this.#vocabularySize, (row + 1) * this.#vocabularySize);
  }

  blockMaxima(): Float32Array {
    return noMaxima;
  }

  highestToken(): undefined {
    return undefined;
  }

  topLogits(): undefined {
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#logits[Symbol.dispose]();
  }
}
