import type { Session } from "../../ort/index.js";
import { Binding } from "../../ort/index.js";
import type { BindingCache, Bound } from "./binding-cache.js";
import type { GraphRuns, Provable } from "./graph-runs.js";
import type { KvCache } from "./kv-cache.js";
import type { DecodeRow, RunResult } from "./runner.js";
import { SelectedOutputs } from "./selected-outputs.js";
import { bindCache, type StepInputs } from "./step-inputs.js";
import type { StepOutputs } from "./step-outputs.js";

/** Inputs and outputs of a decode. */
export interface Side {
  readonly inputs: StepInputs;
  readonly outputs: StepOutputs;
}

export interface DecodeParts {
  readonly session: Session;
  readonly cache: KvCache;
  readonly bindings: BindingCache;
  /**
   * Two where the graph selects on its device: they take turns, and a decode writes what comes next into the other one's
   * inputs. So the next decode can run while the result of this one is still read.
   */
  readonly sides: readonly [Side] | readonly [Side, Side];
  /** Absent where nothing is captured. */
  readonly graphs: GraphRuns | undefined;
}

/** The decode that ran last. */
interface Newest {
  readonly start: number;
  readonly count: number;
  /** Tokens of its longest row. */
  readonly longest: number;
}

/** Runs decodes: each window of rows has one binding for each side, complete, made on first use. */
export class DecodeRuns {
  /** Which side is next. */
  #turn: 0 | 1 = 0;
  /** Undefined when there was none, it failed, or another run came after it. */
  #newest: Newest | undefined;

  constructor(private readonly parts: DecodeParts) {}

  async run(start: number, rows: readonly DecodeRow[]): Promise<RunResult> {
    const { inputs } = this.#side();
    const { tokenIds, positions, lastPositions } = inputs;
    let longest = 0;
    for (const [index, { tokenId, position }] of rows.entries()) {
      tokenIds[index] = tokenId;
      positions[index] = position;
      lastPositions[index] = position;
      longest = Math.max(longest, position + 1);
    }
    inputs.upload();
    return this.#run({ start, count: rows.length, longest });
  }

  /** As `Runner.decodeNext`. A window that is to be captured is not run ahead: the device must be left alone meanwhile. */
  next(): Promise<RunResult> | undefined {
    const { sides, graphs } = this.parts;
    const newest = this.#newest;
    if (newest === undefined || sides.length === 1) return undefined;
    if (graphs?.isRecorded(this.#windowOf(newest)) === false) return undefined;
    return this.#run({ ...newest, longest: newest.longest + 1 });
  }

  /** Another run overwrites what the next decode would begin with. */
  interrupt(): void {
    this.#newest = undefined;
  }

  async #run(decode: Newest): Promise<RunResult> {
    const { graphs } = this.parts;
    const { inputs, outputs } = this.#side();
    const window = this.#windowOf(decode);
    const { binding } = this.#bound(window, decode);
    inputs.totalLength[0] = decode.longest;
    this.#turn = this.#turn === 0 && this.parts.sides.length === 2 ? 1 : 0;
    this.#newest = undefined;
    const next = this.#side().inputs;
    if (graphs !== undefined && outputs instanceof SelectedOutputs) {
      await graphs.run(window, binding, withNext(outputs, next));
    } else {
      await binding.run();
    }
    outputs.renew();
    this.#newest = decode;
    return outputs;
  }

  #bound(window: string, { start, count }: Newest): Bound {
    return this.parts.bindings.get(`decode ${window}`, () => {
      const { session, cache, graphs, sides } = this.parts;
      const { inputs, outputs } = this.#side();
      const binding = new Binding(session);
      const layers = cache.rows(start, count);
      bindCache(binding, layers);
      const views = [...inputs.bindDecode(binding, count), ...outputs.bind(binding, count)];
      if (sides.length === 2) views.push(...sides[this.#turn === 0 ? 1 : 0].inputs.bindNext(binding, count));
      if (graphs !== undefined) inputs.bindLongest(binding);
      return { binding, tensors: [...layers.flatMap(({ key, value }) => [key, value]), ...views] };
    });
  }

  /** The window of a decode on the side that is next. */
  #windowOf({ start, count }: Newest): string {
    return `${start} ${count} ${this.#turn}`;
  }

  #side(): Side {
    const { sides } = this.parts;
    return sides[this.#turn] ?? sides[0];
  }
}

/** A replay must agree with a plain run in what it selected, and in what the next decode begins from. */
function withNext(outputs: SelectedOutputs, next: StepInputs): Provable {
  return {
    renew: () => outputs.renew(),
    selectedBytes: () => Buffer.concat([outputs.selectedBytes(), next.nextBytes()]),
  };
}
