import { monitorEventLoopDelay, type IntervalHistogram } from "node:perf_hooks";
import type { Prompt } from "./prompts.js";
import type { ServerProcess } from "../server-process.js";
import type { Variant } from "./variant.js";

/** How late a timer of 1 ms was, in milliseconds: how long work kept the event loop from looking. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface LoopDelayRow {
  readonly variant: string;
  /** Of the process in which the engine runs; undefined when the steady window was too short to tell. */
  readonly delay: LoopDelay | undefined;
}

const resolutionMs = 1;

/** Watches the event loop of the process that it is made in. */
export class LoopMonitor {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: resolutionMs });

  opened(): void {
    this.#histogram.reset();
    this.#histogram.enable();
  }

  closed(): void {
    this.#histogram.disable();
  }

  /** The histogram counts nanoseconds from one timer to the next, its period included. */
  read(): LoopDelay | undefined {
    if (this.#histogram.count === 0) return undefined;
    const delay = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolutionMs);
    const { max } = this.#histogram;
    return { p50: delay(this.#histogram.percentile(50)), p99: delay(this.#histogram.percentile(99)), max: delay(max) };
  }
}

/** Delays in this process while it decodes `prompts`, within the steady window. */
export async function measureOwnLoop(
  variant: Variant,
  prompts: readonly Prompt[],
  newTokens: number,
): Promise<LoopDelayRow> {
  const monitor = new LoopMonitor();
  await variant.run({ prompts, newTokens, observer: monitor });
  return { variant: variant.name, delay: monitor.read() };
}

/** The same in the server's process, which has `loop-delay-probe.ts` loaded. */
export async function measureServerLoop(
  variant: Variant,
  server: ServerProcess,
  prompts: readonly Prompt[],
  newTokens: number,
): Promise<LoopDelayRow> {
  const observer = { opened: () => server.send("opened"), closed: () => server.send("closed") };
  await variant.run({ prompts, newTokens, observer });
  server.send("read");
  return { variant: variant.name, delay: (await server.answer()) as LoopDelay | undefined };
}
