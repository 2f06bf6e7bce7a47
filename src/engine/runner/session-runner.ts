import { Binding, type Session } from "../../ort/index.js";
import type { DecoderShape, KvDtype, Selection } from "../../model/index.js";
import { KvCache } from "./kv-cache.js";
import type { DecodeRow, PrefillRun, Runner, RunResult } from "./runner.js";
import { BindingCache, type Bound } from "./binding-cache.js";
import { bindCache, StepInputs } from "./step-inputs.js";
import { createOutputs, type StepOutputs } from "./step-outputs.js";

export interface RunnerOptions {
  readonly slots: number;
  /** Positions of a slot. */
  readonly maxLength: number;
  /** The longest prefill that will be asked for, in tokens. */
  readonly maxPrefillTokens: number;
  /** The session's; float32 by default. */
  readonly kvDtype?: KvDtype;
  /** The graph's; block maxima by default. */
  readonly selection?: Selection;
}

/** Windows of rows that decode can be at without making a binding again: each takes about 10 KB. */
const maxBindings = 512;

/**
 * Runs plans on an ONNX Runtime session. A decode has one binding for each window of rows, complete: a step
 * writes its numbers and runs. A prefill has one for each slot's cache; its inputs change shape from run
 * to run and are bound anew. Both are made on first use and kept.
 */
export class SessionRunner implements Runner, Disposable {
  readonly #cache: KvCache;
  /** Tokens that a prefill of so many runs. */
  readonly #paddedLength: (count: number) => number;
  readonly #inputs: StepInputs;
  readonly #selection: Selection;
  readonly #outputs: StepOutputs;
  /** Of a prefill that had more wanted positions than `#outputs` has room for: until the next run. */
  #largeOutputs: StepOutputs | undefined;
  /** Positions whose logits `#outputs` has room for. */
  readonly #maxRows: number;
  readonly #bindings = new BindingCache(maxBindings);

  constructor(
    private readonly session: Session,
    private readonly shape: DecoderShape,
    options: RunnerOptions,
  ) {
    const { kvDtype = "float32", selection = "block-maxima" } = options;
    this.#paddedLength = kvDtype === "float32" ? paddedLength : (count) => count;
    this.#cache = new KvCache(session, shape, options.slots, options.maxLength, kvDtype);
    this.#inputs = new StepInputs(session, Math.max(options.slots, options.maxPrefillTokens));
    this.#maxRows = options.slots;
    this.#selection = selection;
    this.#outputs = createOutputs(session, shape, options.slots, selection);
  }

  async decode(start: number, rows: readonly DecodeRow[]): Promise<RunResult> {
    const { tokenIds, positions, lastPositions, totalLength, logitRows } = this.#inputs;
    let longest = 0;
    for (const [index, { tokenId, position }] of rows.entries()) {
      tokenIds[index] = tokenId;
      positions[index] = position;
      lastPositions[index] = position;
      logitRows[index] = index;
      longest = Math.max(longest, position + 1);
    }
    totalLength[0] = longest;
    const outputs = this.#outputsFor(rows.length);
    await this.#run(this.#decodeOf(start, rows.length).binding, outputs);
    return outputs;
  }

  async prefill(run: PrefillRun): Promise<RunResult> {
    const count = run.end - run.start;
    const tokens = this.#paddedLength(count);
    this.#writePrompt(run, tokens);
    const rows = { none: 0, last: 1, all: count }[run.wanted];
    const { binding } = this.#prefillOf(run);
    const outputs = this.#outputsFor(rows);
    const bound = this.#inputs.bind(binding, 1, tokens, Math.max(rows, outputs.minRows));
    if (rows > 0) bound.push(...outputs.bind(binding, rows));
    try {
      await this.#run(binding, outputs);
      return outputs;
    } finally {
      for (const tensor of bound) tensor.dispose();
    }
  }

  #outputsFor(rows: number): StepOutputs {
    this.#largeOutputs?.[Symbol.dispose]();
    this.#largeOutputs =
      rows > this.#maxRows ? createOutputs(this.session, this.shape, rows, this.#selection) : undefined;
    return this.#largeOutputs ?? this.#outputs;
  }

  async #run(binding: Binding, outputs: StepOutputs): Promise<void> {
    this.#inputs.upload();
    await binding.run();
    outputs.renew();
  }

  copy(from: number, to: number, tokens: number): void {
    this.#cache.copy(from, to, tokens);
  }

  #writePrompt({ tokenIds: ids, start, end, wanted }: PrefillRun, tokens: number): void {
    const { tokenIds, positions, lastPositions, totalLength, logitRows } = this.#inputs;
    for (let index = 0; index < tokens; index += 1) {
      tokenIds[index] = ids[start + index] ?? 0;
      positions[index] = start + index;
      logitRows[index] = index;
    }
    if (wanted === "last") logitRows[0] = end - start - 1;
    lastPositions[0] = start + tokens - 1;
    totalLength[0] = start + tokens;
  }

  #decodeOf(start: number, rows: number): Bound {
    return this.#bindings.get(`decode ${start} ${rows}`, () => {
      const bound = this.#bindRows(start, rows);
      const inputs = this.#inputs.bind(bound.binding, rows, 1, rows);
      const outputs = this.#outputs.bind(bound.binding, rows);
      return { binding: bound.binding, tensors: [...bound.tensors, ...inputs, ...outputs] };
    });
  }

  /** A prefill of which no logits are wanted has a binding of its own: one without the outputs for them. */
  #prefillOf({ slot, wanted }: PrefillRun): Bound {
    const kind = wanted === "none" ? "partial prefill" : "prefill";
    return this.#bindings.get(`${kind} ${slot}`, () => this.#bindRows(slot, 1));
  }

  #bindRows(first: number, count: number): Bound {
    const binding = new Binding(this.session);
    const layers = this.#cache.rows(first, count);
    bindCache(binding, layers);
    return { binding, tensors: layers.flatMap(({ key, value }) => [key, value]) };
  }

  [Symbol.dispose](): void {
    const owned = [this.#bindings, this.#inputs, this.#outputs, this.#largeOutputs, this.#cache];
    for (const each of owned) each?.[Symbol.dispose]();
  }
}

/**
 * Tokens that a prefill of `count` tokens runs over a float32 cache. The attention kernel takes queries in blocks of a multiple of 16
 * (min(L2 bytes / (32 x head size), 2 x head size)), and computes a block of one query with other instructions: 1e-6
 * off. One more token avoids such a block. What it leaves in the cache lies behind the prompt, where the next run
 * writes; there is room, because a prompt is shorter than a slot.
 */
function paddedLength(count: number): number {
  return count % 16 === 1 ? count + 1 : count;
}
