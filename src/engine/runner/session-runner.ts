import { Binding, type Session } from "../../ort/index.js";
import type { DecoderShape, KvDtype, Selection } from "../../model/index.js";
import { KvCache } from "./kv-cache.js";
import type { DecodeRow, PrefillRun, Runner, RunResult } from "./runner.js";
import { BindingCache, type Bound } from "./binding-cache.js";
import { DecodeRuns, type Side } from "./decode-runs.js";
import { GraphRuns } from "./graph-runs.js";
import { bindCache, StepInputs } from "./step-inputs.js";
import { createOutputs, type StepOutputs } from "./step-outputs.js";

export interface RunnerOptions {
  readonly slots: number;
  /** Positions of a slot. */
  readonly maxLength: number;
  /** The most tokens that one prefill will be asked for, all of its rows and their padding included. */
  readonly maxPrefillTokens: number;
  /** The session's; float32 by default. */
  readonly kvDtype?: KvDtype;
  /** The graph's; block maxima by default. */
  readonly selection?: Selection;
  /** Told once, when decodes that were captured cannot go on being replayed: they run plainly from then on. */
  readonly onGraphsGivenUp?: ((error: Error) => void) | undefined;
}

/** Windows of rows that decode can be at, and slots' prefills, without making a binding again: each takes about 10 KB. */
const maxBindings = 1024;

/**
 * Runs plans on an ONNX Runtime session. A decode has one binding for each window of rows, complete: a step
 * writes its numbers and runs. A prefill has one for each slot and number of rows; its inputs change shape from run
 * to run and are bound anew. Both are made on first use and kept. Where the session captures, decodes are replayed as
 * graphs.
 */
export class SessionRunner implements Runner, Disposable {
  readonly #cache: KvCache;
  /** Tokens that a prefill of so many runs. */
  readonly #paddedLength: (count: number) => number;
  readonly #selection: Selection;
  /** A prefill uses the first. */
  readonly #sides: readonly [Side] | readonly [Side, Side];
  /** Of a prefill that had more wanted positions than a side has room for: until the next run. */
  #largeOutputs: StepOutputs | undefined;
  /** Positions whose logits a side has room for. */
  readonly #maxRows: number;
  readonly #bindings = new BindingCache(maxBindings);
  readonly #decodes: DecodeRuns;
  readonly graphs: GraphRuns | undefined;

  constructor(
    private readonly session: Session,
    private readonly shape: DecoderShape,
    options: RunnerOptions,
  ) {
    const { slots, maxLength, kvDtype = "float32", selection = "block-maxima" } = options;
    this.#paddedLength = kvDtype === "float32" ? paddedLength : (count) => count;
    this.#cache = new KvCache(session, shape, slots, maxLength, kvDtype);
    this.#maxRows = slots;
    this.#selection = selection;
    this.#sides = this.#createSides(Math.max(slots, options.maxPrefillTokens));
    const { onGraphsGivenUp = () => undefined } = options;
    const canCapture = session.graphCapture.isOn && selection === "on-device";
    this.graphs = canCapture ? new GraphRuns(onGraphsGivenUp) : undefined;
    const parts = { session, cache: this.#cache, bindings: this.#bindings, sides: this.#sides, graphs: this.graphs };
    this.#decodes = new DecodeRuns(parts);
  }

  /** @throws {OrtCallError} when the device has too little memory; what was made before is given back then. */
  #createSides(maxPrefillTokens: number): readonly [Side] | readonly [Side, Side] {
    const made: Disposable[] = [this.#cache];
    const owned = <T extends Disposable>(part: T): T => {
      made.push(part);
      return part;
    };
    const newSide = (maxTokens: number): Side => ({
      inputs: owned(new StepInputs(this.session, maxTokens, this.#cache.maxLength)),
      outputs: owned(createOutputs(this.session, this.shape, this.#maxRows, this.#selection)),
    });
    try {
      const first = newSide(maxPrefillTokens);
      return this.#selection === "on-device" ? [first, newSide(this.#maxRows)] : [first];
    } catch (error) {
      for (const part of made) part[Symbol.dispose]();
      throw error;
    }
  }

  decode(start: number, rows: readonly DecodeRow[]): Promise<RunResult> {
    this.#dropLargeOutputs();
    return this.#decodes.run(start, rows);
  }

  decodeNext(): Promise<RunResult> | undefined {
    return this.#decodes.next();
  }

  prefill(run: PrefillRun): Promise<RunResult> {
    this.#decodes.interrupt();
    const count = run.end - run.start;
    const tokens = this.#paddedLength(count);
    writePrompt(this.#sides[0].inputs, run, tokens);
    const rows = { none: 0, last: 1, all: count }[run.wanted];
    return this.#runPrefill({ slot: run.slot, batch: 1, tokens, rows });
  }

  prefillTogether(slot: number, prompts: readonly (readonly number[])[]): Promise<RunResult> {
    this.#decodes.interrupt();
    const tokens = this.#paddedLength(Math.max(...prompts.map(({ length }) => length)));
    writePrompts(this.#sides[0].inputs, prompts, tokens);
    return this.#runPrefill({ slot, batch: prompts.length, tokens, rows: prompts.length });
  }

  async #runPrefill(size: PrefillSize): Promise<RunResult> {
    const { batch, tokens, rows } = size;
    const [{ inputs }] = this.#sides;
    const { binding } = this.#prefillOf(size);
    const outputs = this.#outputsFor(rows);
    const bound = inputs.bindPrefill(binding, batch, tokens, Math.max(rows, outputs.minRows));
    if (rows > 0) bound.push(...outputs.bind(binding, rows));
    try {
      inputs.upload();
      await binding.run();
      outputs.renew();
      return outputs;
    } finally {
      for (const tensor of bound) tensor.dispose();
    }
  }

  copy(from: number, to: number, tokens: number): void {
    this.#decodes.interrupt();
    this.#cache.copy(from, to, tokens);
  }

  #outputsFor(rows: number): StepOutputs {
    this.#dropLargeOutputs();
    if (rows > this.#maxRows) {
      this.#largeOutputs = createOutputs(this.session, this.shape, rows, this.#selection);
    }
    return this.#largeOutputs ?? this.#sides[0].outputs;
  }

  #dropLargeOutputs(): void {
    this.#largeOutputs?.[Symbol.dispose]();
    this.#largeOutputs = undefined;
  }

  /** A prefill of which no logits are wanted has a binding of its own: one without the outputs for them. */
  #prefillOf({ slot, batch, rows }: PrefillSize): Bound {
    const kind = rows === 0 ? "partial prefill" : "prefill";
    return this.#bindings.get(`${kind} ${slot} ${batch}`, () => {
      const binding = new Binding(this.session);
      const layers = this.#cache.rows(slot, batch);
      bindCache(binding, layers);
      return { binding, tensors: layers.flatMap(({ key, value }) => [key, value]) };
    });
  }

  [Symbol.dispose](): void {
    const sides = this.#sides.flatMap(({ inputs, outputs }) => [inputs, outputs]);
    for (const each of [this.#bindings, ...sides, this.#largeOutputs, this.#cache]) each?.[Symbol.dispose]();
  }
}

/** A run over the cache rows [slot, slot + batch). */
interface PrefillSize {
  readonly slot: number;
  readonly batch: number;
  /** Of each row. */
  readonly tokens: number;
  /** Positions whose logits are wanted, over all rows. */
  readonly rows: number;
}

function writePrompt(inputs: StepInputs, { tokenIds: ids, start, end, wanted }: PrefillRun, tokens: number): void {
  const { tokenIds, positions, lastPositions, totalLength, logitRows } = inputs;
  for (let index = 0; index < tokens; index += 1) {
    tokenIds[index] = ids[start + index] ?? 0;
    positions[index] = start + index;
    logitRows[index] = index;
  }
  if (wanted === "last") logitRows[0] = end - start - 1;
  lastPositions[0] = start + tokens - 1;
  totalLength[0] = start + tokens;
}

/** Padding is any token: a prompt's positions do not see what lies behind it. */
function writePrompts(inputs: StepInputs, prompts: readonly (readonly number[])[], tokens: number): void {
  const { tokenIds, positions, lastPositions, totalLength, logitRows } = inputs;
  for (const [row, prompt] of prompts.entries()) {
    for (let position = 0; position < tokens; position += 1) {
      tokenIds[row * tokens + position] = prompt[position] ?? 0;
      positions[row * tokens + position] = position;
    }
    lastPositions[row] = prompt.length - 1;
    logitRows[row] = row * tokens + prompt.length - 1;
  }
  totalLength[0] = tokens;
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
