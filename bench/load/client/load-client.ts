/**
 * A clients' process, which `processes.ts` forks: it has an event loop of its own, so that neither the server's work nor
 * that of the harness delays the arrival times that it takes. It says how busy it was itself.
 */
import { performance } from "node:perf_hooks";
import { LoopMonitor } from "../../engine/loop-delay.js";
import { driveTask } from "./driver.js";
import type { ClientEffort, ClientReport, ClientTask } from "./messages.js";
import { clockFrom, PulseCounter } from "./recording.js";

const pulseMs = 500;

async function perform(task: ClientTask): Promise<void> {
  const counter = new PulseCounter();
  const effort = new EffortMeter();
  const pulse = setInterval(() => report({ type: "pulse", pulse: counter.read() }), pulseMs);
  const untilStartMs = Math.max(0, task.startAtMs - performance.timeOrigin - performance.now());
  const opening = setTimeout(() => effort.open(), untilStartMs + task.warmUpMs);
  const closing = setTimeout(() => effort.close(), untilStartMs + task.warmUpMs + task.measuredMs);
  try {
    const records = await driveTask(task, clockFrom(task.startAtMs), counter);
    effort.close();
    report({ type: "pulse", pulse: counter.read() });
    report({ type: "done", records, effort: effort.read() });
  } finally {
    clearInterval(pulse);
    clearTimeout(opening);
    clearTimeout(closing);
  }
}

/** How much of a CPU this process took while it measured, and how late its event loop was. */
class EffortMeter {
  readonly #monitor = new LoopMonitor();
  #start: { readonly ms: number; readonly cpu: NodeJS.CpuUsage } | undefined;
  #cpuShare: number | undefined;

  open(): void {
    this.#start = { ms: performance.now(), cpu: process.cpuUsage() };
    this.#monitor.opened();
  }

  /** The first time counts. */
  close(): void {
    if (this.#start === undefined || this.#cpuShare !== undefined) return;
    this.#monitor.closed();
    const { user, system } = process.cpuUsage(this.#start.cpu);
    this.#cpuShare = (user + system) / 1000 / (performance.now() - this.#start.ms);
  }

  read(): ClientEffort {
    return { cpuShare: this.#cpuShare ?? 0, loopDelay: this.#monitor.read() };
  }
}

function report(message: ClientReport): void {
  process.send?.(message);
}

process.on("message", (task: ClientTask) => {
  perform(task).catch((error: unknown) => report({ type: "failed", message: String(error) }));
});
report({ type: "ready" });
