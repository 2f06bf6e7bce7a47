/** What a GPU of the H200's class should give with GPT-2 of 124M in float16, and whether it did. */
import { median } from "../stats.js";
import type { DecodeRow } from "./limits.js";
import type { GpuReport } from "./report.js";

export interface Goal {
  readonly what: string;
  readonly goal: string;
  /** Undefined: not measured. */
  readonly figure: string | undefined;
  readonly isMet: boolean | undefined;
}

interface GoalSpec {
  readonly what: string;
  readonly unit: string;
  /** Of the figure, behind the point. */
  readonly digits: number;
  /** The figure should be at most or at least this. */
  readonly most?: number;
  readonly least?: number;
}

const goals = {
  step: { what: "decode, 1 stream", unit: "ms a token", digits: 2, most: 0.6 },
  bandwidth64: { what: "decode, 64 streams", unit: "% of the bandwidth", digits: 0, least: 60 },
  bandwidth256: { what: "decode, 256 streams", unit: "% of the bandwidth", digits: 0, least: 60 },
  pytorch64: { what: "decode, 64 streams, to PyTorch", unit: "x", digits: 2, least: 1.5 },
  pytorch256: { what: "decode, 256 streams, to PyTorch", unit: "x", digits: 2, least: 1.5 },
  prefill: { what: "prefill, 512 tokens", unit: "ms", digits: 2, most: 3 },
  clients: { what: "64 gRPC clients", unit: "tokens/s", digits: 0, least: 25_000 },
  start: { what: "start to SERVING", unit: "ms", digits: 0, most: 3000 },
} as const satisfies Record<string, GoalSpec>;

type Measured = Pick<GpuReport, "decode" | "prefillMs" | "clients" | "starts">;

/** All goals, in the order above. */
export function judgeGoals(measured: Measured): Goal[] {
  const figures = figuresOf(measured);
  return Object.entries(goals).map(([name, spec]) => judge(spec, figures[name as keyof typeof goals]));
}

/** In the units of the goals. */
function figuresOf({ decode, prefillMs, clients, starts }: Measured): Record<keyof typeof goals, number | undefined> {
  const at = (streams: number): DecodeRow | undefined => decode.find((row) => row.streams === streams);
  const percent = (share: number | undefined): number | undefined => (share === undefined ? undefined : 100 * share);
  return {
    step: at(1)?.stepMs,
    bandwidth64: percent(at(64)?.achieved),
    bandwidth256: percent(at(256)?.achieved),
    pytorch64: at(64)?.toPytorch,
    pytorch256: at(256)?.toPytorch,
    prefill: prefillMs?.median,
    clients: clients?.tokensPerSecond,
    start: starts === undefined ? undefined : median(starts.plain.servingMs),
  };
}

function judge({ what, unit, digits, most, least }: GoalSpec, value: number | undefined): Goal {
  const goal = most === undefined ? `>= ${least ?? 0} ${unit}` : `<= ${most} ${unit}`;
  if (value === undefined) return { what, goal, figure: undefined, isMet: undefined };
  return { what, goal, figure: value.toFixed(digits), isMet: value <= (most ?? Infinity) && value >= (least ?? 0) };
}
