/**
 * Decodes as CUDA graphs: the first run of a window records what the device does, later ones replay the record, which
 * spares the host launching each kernel (docs/decisions/0028-cuda-graphs.md).
 *
 * A record is only right while nothing that it does depends on numbers that the host has read. So no answer is taken
 * from a record on trust: its first, second, fourth, eighth, ... replay is held to a plain run over the same inputs, bit
 * by bit, and the plain run's result is the one that counts. A plain run writes the same keys and values once more.
 */
import type { Binding } from "../../ort/index.js";
import { InternalError } from "../../errors.js";
import type { GraphCounts } from "./runner.js";

/** What a replay and a plain run must agree in. */
export interface Provable {
  /** A run is over: what was read of an earlier one is out of date. */
  renew(): void;
  /** What the last run selected, as bytes of the caller's own. */
  selectedBytes(): Uint8Array;
}

/** A recorded window. */
interface Graph {
  readonly id: number;
  replays: number;
}

/** Graphs take memory of the device's until the session ends. Beyond so many, windows run plainly. */
const maxGraphs = 512;

export class GraphRuns implements GraphCounts {
  readonly #graphs = new Map<string, Graph>();
  #newestId = 0;
  #isGivenUp = false;
  /** Decodes that failed as graphs and plainly, one after the other: a device that does not recover. */
  #lostInARow = 0;
  captures = 0;
  replays = 0;

  /** @param onGivenUp told once, when recording fails or a replay is wrong: from then on all runs are plain. */
  constructor(private readonly onGivenUp: (error: Error) => void) {}

  /** Whether the next run of the window captures nothing. */
  isRecorded(window: string): boolean {
    return this.#isGivenUp || this.#graphs.has(window) || this.#graphs.size >= maxGraphs;
  }

  /**
   * Runs the decode of a window.
   * @param binding The same memory whenever this window is run; all but the total length on the device.
   * @throws {OrtCallError} when a plain run fails.
   * @throws {InternalError} when a run fails as a graph and plainly.
   */
  async run(window: string, binding: Binding, outputs: Provable): Promise<void> {
    const graph = this.#isGivenUp ? undefined : this.#graphs.get(window);
    if (graph !== undefined) await this.#replay(graph, binding, outputs);
    else if (this.isRecorded(window)) await binding.run();
    else await this.#record(window, binding);
  }

  async #record(window: string, binding: Binding): Promise<void> {
    const graph = { id: (this.#newestId += 1), replays: 0 };
    const failure = await failureOf(binding.run(graph.id));
    await this.#runPlainly(binding, failure); // throws where it was not the recording that failed
    if (failure !== undefined) {
      this.#giveUp("a decode could not be captured", failure);
      return;
    }
    this.#graphs.set(window, graph);
    this.captures += 1;
  }

  async #replay(graph: Graph, binding: Binding, outputs: Provable): Promise<void> {
    graph.replays += 1;
    this.replays += 1;
    const failure = await failureOf(binding.run(graph.id));
    if (failure === undefined && !isPowerOfTwo(graph.replays)) {
      this.#lostInARow = 0;
      return;
    }
    outputs.renew();
    const replayed = failure === undefined ? outputs.selectedBytes() : undefined;
    await this.#runPlainly(binding, failure);
    outputs.renew();
    if (replayed === undefined) this.#giveUp("a captured decode could not be replayed", failure);
    else if (Buffer.compare(replayed, outputs.selectedBytes()) !== 0)
      this.#giveUp("a replay gave other bits than a run");
  }

  /** @param failure of the graph's run before it, if that failed: told with what fails now. */
  async #runPlainly(binding: Binding, failure: unknown): Promise<void> {
    try {
      await binding.run();
      this.#lostInARow = 0;
    } catch (error) {
      if (failure === undefined) throw error;
      this.#lostInARow += 1;
      if (this.#lostInARow > 1) this.#giveUp("decodes fail as graphs and plainly", failure);
      throw new InternalError("a decode failed as a graph and plainly", {
        cause: new AggregateError([failure, error]),
      });
    }
  }

  #giveUp(reason: string, cause?: unknown): void {
    this.#isGivenUp = true;
    this.onGivenUp(new InternalError(`CUDA graphs are given up: ${reason}`, { cause }));
  }
}

async function failureOf(run: Promise<unknown>): Promise<unknown> {
  try {
    await run;
    return undefined;
  } catch (error) {
    return error;
  }
}

const isPowerOfTwo = (count: number): boolean => (count & (count - 1)) === 0;
