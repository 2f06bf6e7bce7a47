import { fork, type ChildProcess } from "node:child_process";
import { on, once } from "node:events";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { HarnessError } from "../../errors.js";
import type { ClientEffort, ClientReport, ClientTask, Pulse, RequestRecord } from "./messages.js";

export interface ClientResult {
  readonly records: readonly RequestRecord[];
  readonly efforts: readonly ClientEffort[];
}

export type PhaseTask = Omit<ClientTask, "startAtMs" | "part">;

/** Connections are opened in this time before the start; a client that needs longer begins later. */
const leadMs = 300;

/** The processes in which clients run, for as many phases as are asked of them. */
export class ClientProcesses implements AsyncDisposable {
  private constructor(private readonly children: readonly ChildProcess[]) {}

  /** @param programs folder of the built programs, which has `load-client.js`. */
  static async start(count: number, programs: string): Promise<ClientProcesses> {
    const program = path.join(programs, "load-client.js");
    const children = Array.from({ length: count }, () => fork(program, { serialization: "advanced" }));
    await Promise.all(children.map(async (child) => nextReport(child, "ready")));
    return new ClientProcesses(children);
  }

  /**
   * @param onStart told the start, in milliseconds since 1970, before it has come.
   * @param onPulse told the sums of all processes.
   * @throws {HarnessError} when a process ends, or does not understand its task.
   */
  async run(
    task: PhaseTask,
    onStart: (startAtMs: number) => void,
    onPulse: (sum: Pulse) => void,
  ): Promise<ClientResult> {
    const startAtMs = performance.timeOrigin + performance.now() + leadMs;
    const pulses = new Map<number, Pulse>();
    const { length: count } = this.children;
    onStart(startAtMs);
    const parts = this.children.map(async (child, index) =>
      runPart(child, { ...task, startAtMs, part: { index, count } }, (pulse) => {
        pulses.set(index, pulse);
        onPulse([...pulses.values()].reduce(addPulses));
      }),
    );
    const results = await Promise.all(parts);
    return { records: results.flatMap(({ records }) => records), efforts: results.map(({ effort }) => effort) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.disconnect(); // it ends when nobody can ask it for more
        await once(child, "exit");
      }),
    );
  }
}

async function runPart(child: ChildProcess, task: ClientTask, onPulse: (pulse: Pulse) => void) {
  const reports = on(child, "message", { close: ["exit"] }); // listens from here on
  child.send(task);
  for await (const [report] of reports as AsyncIterable<[ClientReport]>) {
    if (report.type === "pulse") onPulse(report.pulse);
    if (report.type === "failed") throw new HarnessError(`client: ${report.message}`);
    if (report.type === "done") return report;
  }
  throw new HarnessError("a clients' process ended");
}

async function nextReport(child: ChildProcess, type: ClientReport["type"]): Promise<void> {
  const ended = once(child, "exit").then(() => ["exit"]);
  const [report] = (await Promise.race([once(child, "message"), ended])) as [ClientReport | "exit"];
  if (report === "exit" || report.type !== type) throw new HarnessError("a clients' process did not start");
}

function addPulses(a: Pulse, b: Pulse): Pulse {
  return {
    tokens: a.tokens + b.tokens,
    sent: a.sent + b.sent,
    answered: a.answered + b.answered,
    failed: a.failed + b.failed,
  };
}
