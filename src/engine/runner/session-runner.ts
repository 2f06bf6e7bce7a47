import { Binding, type Session } from "../../ort/index.js";
import type { DecoderShape } from "../../model/index.js";
import { KvCache } from "./kv-cache.js";
import type { DecodeRow, PrefillRun, Runner, RunResult } from "./runner.js";
import { bindCache, StepInputs, StepOutputs } from "./step-buffers.js";

export interface RunnerOptions {
  readonly slots: number;
  /** Positions of a slot. */
  readonly maxLength: number;
  /** The longest prefill that will be asked for, in tokens. */
  readonly maxPrefillTokens: number;
}

/** A binding and the tensors that were made for it. */
interface Bound {
  readonly binding: Binding;
  readonly tensors: readonly Disposable[];
}

/**
 * Runs plans on an ONNX Runtime session. A decode of n rows has one binding for each n, complete: a step
 * writes its numbers and runs. A prefill has one for each slot's cache; its inputs change shape from run
 * to run and are bound anew. Both are made on first use and kept.
 */
export class SessionRunner implements Runner, Disposable {
  readonly #cache: KvCache;
  readonly #inputs: StepInputs;
  readonly #outputs: StepOutputs;
  readonly #decodes = new Map<number, Bound>();
  readonly #prefills = new Map<number, Bound>();
  readonly #partialPrefills = new Map<number, Bound>();

  constructor(
    private readonly session: Session,
    private readonly shape: DecoderShape,
    options: RunnerOptions,
  ) {
    this.#cache = new KvCache(session, shape, options.slots, options.maxLength);
    this.#inputs = new StepInputs(session, Math.max(options.slots, options.maxPrefillTokens));
    this.#outputs = new StepOutputs(session, shape, options.slots);
  }

  async decode(rows: readonly DecodeRow[]): Promise<RunResult> {
    const { tokenIds, positions, lastPositions, totalLength, logitRows } = this.#inputs;
    let longest = 0;
    for (const [index, { tokenId, position }] of rows.entries()) {
      tokenIds.values[index] = tokenId;
      positions.values[index] = position;
      lastPositions.values[index] = position;
      logitRows.values[index] = index;
      longest = Math.max(longest, position + 1);
    }
    totalLength.values[0] = longest;
    await this.#decodeOf(rows.length).binding.run();
    return this.#outputs;
  }

  async prefill(run: PrefillRun): Promise<RunResult> {
    const count = run.end - run.start;
    const tokens = paddedLength(count);
    this.#writePrompt(run, tokens);
    const rows = { none: 0, last: 1, all: count }[run.wanted];
    const { binding } = this.#prefillOf(run);
    const outputs = run.wanted === "all" ? new StepOutputs(this.session, this.shape, rows) : this.#outputs;
    const bound = this.#inputs.bind(binding, 1, tokens, rows);
    if (rows > 0) bound.push(...outputs.bind(binding, rows));
    try {
      await binding.run();
      return outputs;
    } finally {
      for (const tensor of bound) tensor.dispose();
      if (outputs !== this.#outputs) outputs[Symbol.dispose](); // the numbers stay readable: JavaScript owns them
    }
  }

  move(from: number, to: number, tokens: number): void {
    this.#cache.copy(from, to, tokens);
  }

  #writePrompt({ promptTokenIds, start, end, wanted }: PrefillRun, tokens: number): void {
    const { tokenIds, positions, lastPositions, totalLength, logitRows } = this.#inputs;
    for (let index = 0; index < tokens; index += 1) {
      tokenIds.values[index] = promptTokenIds[start + index] ?? 0;
      positions.values[index] = start + index;
      logitRows.values[index] = index;
    }
    if (wanted === "last") logitRows.values[0] = end - start - 1;
    lastPositions.values[0] = start + tokens - 1;
    totalLength.values[0] = start + tokens;
  }

  #decodeOf(rows: number): Bound {
    return remembered(this.#decodes, rows, () => {
      const bound = this.#bindRows(0, rows);
      const inputs = this.#inputs.bind(bound.binding, rows, 1, rows);
      const outputs = this.#outputs.bind(bound.binding, rows);
      return { binding: bound.binding, tensors: [...bound.tensors, ...inputs, ...outputs] };
    });
  }

  /** A prefill of which no logits are wanted has a binding of its own: one without the outputs for them. */
  #prefillOf({ slot, wanted }: PrefillRun): Bound {
    const bindings = wanted === "none" ? this.#partialPrefills : this.#prefills;
    return remembered(bindings, slot, () => this.#bindRows(slot, 1));
  }

  #bindRows(first: number, count: number): Bound {
    const binding = new Binding(this.session);
    const layers = this.#cache.rows(first, count);
    bindCache(binding, layers);
    return { binding, tensors: layers.flatMap(({ key, value }) => [key, value]) };
  }

  [Symbol.dispose](): void {
    for (const bindings of [this.#decodes, this.#prefills, this.#partialPrefills]) {
      for (const { binding, tensors } of bindings.values()) {
        binding.dispose();
        for (const tensor of tensors) tensor[Symbol.dispose]();
      }
    }
    for (const owned of [this.#inputs, this.#outputs, this.#cache]) owned[Symbol.dispose]();
  }
}

/**
 * Tokens that a prefill of `count` tokens runs. The attention kernel takes queries in blocks of a multiple of 16
 * (min(L2 bytes / (32 x head size), 2 x head size)), and computes a block of one query with other instructions: 1e-6
 * off. One more token avoids such a block. What it leaves in the cache lies behind the prompt, where the next run
 * writes; there is room, because a prompt is shorter than a slot.
 */
function paddedLength(count: number): number {
  return count % 16 === 1 ? count + 1 : count;
}

function remembered<V>(map: Map<number, V>, key: number, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
