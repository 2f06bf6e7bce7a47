/** A whole load test: every phase of a scenario, on every server in turn. */
import { availableCpus } from "../../src/config/cpu.js";
import os from "node:os";
import { measurePhase, type Measured, type MeasureOptions } from "./measure.js";
import { reportVersion, type LoadReport, type Measurement } from "./report/format.js";
import { nameOf } from "./report/name.js";
import { highestRate } from "./saturation.js";
import { describeTraffic } from "./scenario/describe.js";
import { phaseAtRate, phasesOf, type Phase } from "./scenario/phases.js";
import type { Scenario } from "./scenario/scenario.js";

/** Told what happens, for whoever watches. */
export interface RunObserver {
  began(name: string): void;
  pulse: MeasureOptions["onPulse"];
  ended(measurement: Measurement, errors: readonly string[]): void;
}

export interface RunOptions extends Omit<MeasureOptions, "onPulse"> {
  readonly version: string;
  readonly observer: RunObserver;
}

/** @throws {HarnessError} when a clients' process breaks. Servers that refuse or fail are a result. */
export async function runScenario(
  scenario: Scenario,
  servers: readonly Measured[],
  options: RunOptions,
): Promise<LoadReport> {
  const head = describeRun(scenario, options); // before there is load
  const measurements: Measurement[] = [];
  const saturation: { readonly target: string; readonly perSecond: number | undefined }[] = [];
  const measure = async (phase: Phase, measured: Measured): Promise<Measurement> => {
    const { observer } = options;
    observer.began(nameOf({ target: measured, phase }));
    const onPulse: MeasureOptions["onPulse"] = (seconds, sum) => observer.pulse(seconds, sum);
    const { measurement, errors } = await measurePhase(phase, scenario, measured, { ...options, onPulse });
    measurements.push(measurement);
    observer.ended(measurement, errors);
    return measurement;
  };
  if (scenario.saturation === undefined) {
    for (const phase of phasesOf(scenario)) for (const measured of servers) await measure(phase, measured);
  } else {
    const { fromPerSecond, precision } = scenario.saturation;
    for (const measured of servers) {
      const meets = async (rate: number): Promise<boolean> =>
        meetsObjective(await measure(phaseAtRate(scenario, rate), measured), scenario);
      const perSecond = await highestRate(meets, fromPerSecond, precision);
      saturation.push({ target: measured.name, perSecond });
    }
  }
  return { ...head, measurements, saturation };
}

/** Refused and failed requests are not good ones. */
function meetsObjective({ outcome: { requests } }: Measurement, { slo }: Scenario): boolean {
  return requests.good >= slo.share * requests.due;
}

function describeRun(
  scenario: Scenario,
  { seed, version }: RunOptions,
): Omit<LoadReport, "measurements" | "saturation"> {
  const { name, about, traffic, slo, sweepClients, saturation } = scenario;
  const axis = sweepClients === undefined ? (saturation === undefined ? undefined : "requests/s") : "clients";
  return {
    ...{ schemaVersion: reportVersion, command: "load", version, date: new Date().toISOString(), seed },
    machine: {
      cpu: os.cpus()[0]?.model ?? "unknown",
      cores: availableCpus(),
      memoryBytes: os.totalmem(),
      node: process.version,
      loadAverage: os.loadavg()[0] ?? 0,
    },
    scenario: { name, about, traffic: traffic.map(describeTraffic), slo, axis },
  };
}
