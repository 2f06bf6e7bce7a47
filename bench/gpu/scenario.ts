import path from "node:path";
import { gpt2Small, type Gpt2Sizes } from "../checkpoint.js";
import type { Limits } from "./parts.js";

/** How much is measured on a device, on which model. */
export interface GpuScenario {
  readonly checkpoint: { readonly name: string; readonly sizes: Gpt2Sizes; readonly tokenizerFolder: string };
  /** Streams at the same time, ascending. */
  readonly streams: readonly number[];
  /** Those that PyTorch decodes too. */
  readonly pytorchStreams: readonly number[];
  /** Cached tokens of a stream, on average over streams and measured steps. */
  readonly contextTokens: number;
  /** Steps of decode that are measured in each round. */
  readonly steps: number;
  readonly rounds: number;
  readonly prefillTokens: number;
  readonly clients: ClientScenario;
  readonly starts: number;
  /** Of the tensor that is read to learn the device's bandwidth. */
  readonly bandwidthMegabytes: number;
  /** That all parts, and that each of them may take. */
  readonly limits: Limits;
  /** Whether the goals are about it. */
  readonly hasGoals: boolean;
}

/** gRPC clients, and what each of them asks for. */
export interface ClientScenario {
  readonly count: number;
  /** That they are spread over, as evenly as they can be. */
  readonly processes: number;
  readonly promptTokens: number;
  readonly newTokens: number;
}

const fixtures = path.join("test", "fixtures");

/** Takes less than 8 minutes on a GPU. */
export const fullScenario: GpuScenario = {
  checkpoint: { name: "gpt2-124m", sizes: gpt2Small, tokenizerFolder: path.join(fixtures, "gpt2-vocab") },
  streams: [1, 8, 64, 256],
  pytorchStreams: [64, 256],
  contextTokens: 256,
  steps: 128,
  rounds: 5,
  prefillTokens: 512,
  clients: { count: 64, processes: 4, promptTokens: 128, newTokens: 256 },
  starts: 3,
  bandwidthMegabytes: 2048,
  limits: { seconds: 450, partSeconds: 150 },
  hasGoals: true,
};

/** One short round of everything: whether the benchmark works, on any machine. */
export const smokeScenario: GpuScenario = {
  checkpoint: {
    name: "smoke",
    sizes: { layers: 2, heads: 4, width: 64, positions: 512, vocabularySize: 600 },
    tokenizerFolder: path.join(fixtures, "micro-gpt2"),
  },
  streams: [1, 8],
  pytorchStreams: [8],
  contextTokens: 64,
  steps: 16,
  rounds: 1,
  prefillTokens: 128,
  clients: { count: 8, processes: 2, promptTokens: 32, newTokens: 48 },
  starts: 1,
  bandwidthMegabytes: 16,
  limits: { seconds: 120, partSeconds: 60 },
  hasGoals: false,
};

/** What each stream of one run has and asks for. */
export interface DecodeRun {
  readonly promptTokens: number;
  readonly newTokens: number;
}

/**
 * A run in which all streams decode together for at least `steps` steps, at `contextTokens` cached tokens on average.
 * A step prefills at least one prompt, so the last stream begins at most `streams` steps after the first, which must
 * not have ended by then. However long they take to begin, the average is half way from the prompt's end to the last
 * token.
 */
export function decodeRun({ contextTokens, steps }: Pick<GpuScenario, "contextTokens" | "steps">, streams: number) {
  const newTokens = streams + steps;
  return { promptTokens: Math.max(1, Math.round(contextTokens - newTokens / 2)), newTokens } satisfies DecodeRun;
}
