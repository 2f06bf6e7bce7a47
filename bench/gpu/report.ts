/** What a run of `bench gpu` found. */
import type { MachineFacts } from "../machine.js";
import type { Bandwidth } from "../roofline/bandwidth.js";
import type { Summary } from "../stats.js";
import type { EngineResult, ModelFacts } from "./apart-messages.js";
import type { ClientRate } from "./clients.js";
import type { DecodeRate } from "./decode.js";
import type { DeviceFacts } from "./device.js";
import { judgeGoals, type Goal } from "./goals.js";
import { compareDecode, precisionOf, type DecodeRow } from "./limits.js";
import type { Part, Parts } from "./parts.js";
import type { PyTorchRate } from "./pytorch.js";
import type { GpuScenario } from "./scenario.js";
import type { Starts } from "./start.js";

/** Undefined is what was not measured. */
export interface OurFigures {
  readonly bandwidth: Bandwidth | undefined;
  /** Of those numbers of streams that were measured. */
  readonly decode: readonly EngineResult<DecodeRate>[];
  readonly prefill: EngineResult<Summary> | undefined;
  readonly starts: Starts | undefined;
  readonly clients: ClientRate | undefined;
}

/** Undefined is what was not measured: `parts` says why. */
export interface GpuReport extends Pick<OurFigures, "bandwidth" | "starts" | "clients"> {
  readonly command: "gpu";
  readonly machine: MachineFacts;
  readonly device: DeviceFacts | undefined;
  readonly scenario: GpuScenario;
  /** Of the server, and of the engines without one. */
  readonly serverArgs: readonly string[];
  readonly seconds: number;
  /** None where the scenario has none. */
  readonly goals: readonly Goal[];
  readonly model: ModelFacts | undefined;
  readonly decode: readonly DecodeRow[];
  readonly prefillMs: Summary | undefined;
  readonly pytorch: readonly PyTorchRate[];
  /** Everything that was begun, in order. */
  readonly parts: readonly Part[];
}

export interface Found extends Pick<GpuReport, "machine" | "device" | "scenario" | "serverArgs" | "pytorch"> {
  readonly parts: Parts;
  /** Undefined where there is no device. */
  readonly ours: OurFigures | undefined;
}

export function reportOf({ parts, ours, ...found }: Found): GpuReport {
  const { scenario, pytorch } = found;
  const { bandwidth, prefill, starts, clients } = ours ?? {};
  const decode = (ours?.decode ?? []).map(({ model, figure }) =>
    compareDecode(figure, scenario, precisionOf(model), bandwidth?.bytesPerSecond, pytorch),
  );
  const figures = { decode, prefillMs: prefill?.figure, clients, starts };
  return {
    command: "gpu",
    ...found,
    seconds: parts.secondsTaken,
    goals: scenario.hasGoals ? judgeGoals(figures) : [],
    model: (ours?.decode[0] ?? prefill)?.model,
    ...{ ...figures, bandwidth },
    parts: parts.all,
  };
}
