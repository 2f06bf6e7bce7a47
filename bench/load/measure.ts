/** Measures one phase of a scenario on one server. */
import type { ClientProcesses } from "./client/processes.js";
import type { Pulse, RequestRecord } from "./client/messages.js";
import { clockFrom } from "./client/recording.js";
import { judgeEffort } from "./report/client-effort.js";
import type { Measurement } from "./report/format.js";
import { PulseSeries } from "./report/pulses.js";
import { outcomeOf, summarizeRecords, type Window } from "./report/summarize.js";
import { cutText } from "./scenario/passages.js";
import type { Phase } from "./scenario/phases.js";
import type { Scenario } from "./scenario/scenario.js";
import type { Words } from "./scenario/words.js";
import { ServerSampler, type Watched } from "./server/sampler.js";
import type { TargetOptions } from "./targets/target.js";

/** A server, and where it can be watched. */
export interface Measured {
  /** Tells it from the others of a run. */
  readonly name: string;
  readonly target: TargetOptions;
  readonly watched: Watched;
  /** What prompts for it are made of. */
  readonly words: Words;
}

export interface MeasureOptions {
  readonly clients: ClientProcesses;
  readonly seed: number;
  readonly timeoutMs: number;
  /** Told twice a second how far the phase is. */
  readonly onPulse: (seconds: number, sum: Pulse) => void;
}

export interface Measuring {
  readonly measurement: Measurement;
  /** One line for each kind of error: its code, and the first message that came with it. */
  readonly errors: readonly string[];
}

export async function measurePhase(
  phase: Phase,
  scenario: Scenario,
  measured: Measured,
  options: MeasureOptions,
): Promise<Measuring> {
  const { name, target, watched, words } = measured;
  const { seconds, warmUpSeconds } = scenario;
  const window = { startMs: 1000 * warmUpSeconds, endMs: 1000 * (warmUpSeconds + seconds) };
  const task = {
    ...{ target, traffic: phase.traffic, words: words.words, seed: options.seed, timeoutMs: options.timeoutMs },
    ...{ warmUpMs: window.startMs, measuredMs: 1000 * seconds },
    texts: phase.traffic.map(({ passages }) => passages && cutText(passages, words.countTokens)),
  };
  const pulses = new PulseSeries();
  let clock = clockFrom(0);
  let sampler: ServerSampler | undefined;
  const onStart = (startAtMs: number): void => {
    clock = clockFrom(startAtMs);
    sampler = new ServerSampler(watched, clock);
  };
  const onPulse = (sum: Pulse): void => {
    pulses.add(clock(), sum);
    options.onPulse(clock() / 1000, sum);
  };
  try {
    const { records, efforts } = await options.clients.run(task, onStart, onPulse);
    const server = (await sampler?.stop()) ?? [];
    const measurement = {
      target: { name, api: target.api, address: target.address, modelId: target.modelId },
      phase: { label: phase.label, x: phase.x },
      ...{ seconds, warmUpSeconds },
      ...summarizeRecords(records, window, scenario.slo, words.areTokens),
      traffic: outcomesByTraffic(phase, records, window, scenario),
      pulses: pulses.points(),
      server: [...server],
      client: judgeEffort(efforts),
    };
    return { measurement, errors: describeErrors(records) };
  } finally {
    await sampler?.stop();
  }
}

function outcomesByTraffic(
  { traffic }: Phase,
  records: readonly RequestRecord[],
  { startMs, endMs }: Window,
  { slo }: Scenario,
): Measurement["traffic"] {
  if (traffic.length === 1) return [];
  return traffic.map(({ name }, index) => {
    const due = records.filter((record) => record.traffic === index && record.dueMs >= startMs && record.dueMs < endMs);
    return { name, outcome: outcomeOf(due, slo) };
  });
}

function describeErrors(records: readonly RequestRecord[]): string[] {
  const first = new Map<string, string>();
  for (const { errorCode, errorMessage = "" } of records) {
    if (errorCode !== undefined && !first.has(errorCode)) first.set(errorCode, errorMessage);
  }
  return [...first].map(([code, message]) => `${code}: ${message.slice(0, 300)}`);
}
