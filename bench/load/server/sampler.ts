/** Watches a server while it is under load: its metrics, and its process where that is on this machine. */
import type { Clock } from "../client/recording.js";
import { readExposition } from "./exposition.js";
import { readGauges, type ServerGauges } from "./gauges.js";
import { readProcess, usageOf, type ProcessUsage } from "./process-usage.js";

export interface ServerSample extends ServerGauges {
  /** Since the start of the phase. */
  readonly seconds: number;
  /** CPUs in use, on average since the sample before. */
  readonly cpus: number | undefined;
  readonly residentBytes: number | undefined;
}

/** Where a server can be watched. */
export interface Watched {
  /** Gives the text of its metrics. */
  readonly readMetrics: (() => Promise<string>) | undefined;
  readonly pid: number | undefined;
}

const everyMs = 500;

/** What the next sample is compared with. */
interface Reading {
  readonly ms: number;
  readonly metrics: ReadonlyMap<string, number>;
  readonly usage: ProcessUsage | undefined;
}

/** Takes samples twice a second until it is stopped. One that cannot be had is left out. */
export class ServerSampler {
  readonly #samples: ServerSample[] = [];
  #before: Reading | undefined;
  #isReading = false;
  #underWay: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly watched: Watched,
    private readonly clock: Clock,
  ) {
    if (watched.readMetrics === undefined && watched.pid === undefined) return;
    this.#take();
    this.#timer = setInterval(() => this.#take(), everyMs);
  }

  /** @returns all samples, in order of time. */
  async stop(): Promise<readonly ServerSample[]> {
    clearInterval(this.#timer);
    await this.#underWay;
    return this.#samples;
  }

  /** A server that is slow to tell is asked less often. */
  #take(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#underWay = this.#sample().finally(() => (this.#isReading = false));
  }

  async #sample(): Promise<void> {
    const ms = this.clock();
    const { readMetrics, pid } = this.watched;
    const text = await readMetrics?.().catch(() => undefined);
    const metrics = readExposition(text ?? "");
    const usage = (pid === undefined ? undefined : readProcess(pid)) ?? usageOf(metrics);
    const reading = { ms, metrics, usage };
    if (metrics.size > 0 || usage !== undefined) this.#samples.push(toSample(reading, this.#before));
    this.#before = reading;
  }
}

function toSample({ ms, metrics, usage }: Reading, before: Reading | undefined): ServerSample {
  const cpuSeconds = (usage?.cpuSeconds ?? NaN) - (before?.usage?.cpuSeconds ?? NaN);
  const cpus = (1000 * cpuSeconds) / (ms - (before?.ms ?? NaN));
  return {
    seconds: ms / 1000,
    ...readGauges(metrics, before?.metrics),
    cpus: Number.isFinite(cpus) ? cpus : undefined,
    residentBytes: usage?.residentBytes,
  };
}

/** Reads metrics over HTTP; an answer that takes more than a few seconds is given up. */
export function metricsAt(url: string): () => Promise<string> {
  return async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    return response.ok ? response.text() : "";
  };
}
