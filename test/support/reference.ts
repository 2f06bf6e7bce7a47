import { readFileSync } from "node:fs";

/** What transformers computed for one prompt; see test/fixtures/README.md. */
export interface ReferencePrompt {
  readonly prompt: string;
  readonly input_ids: readonly number[];
  readonly last_logits_top20?: readonly (readonly [id: number, logit: number])[];
  readonly last_logits_sum?: number;
  readonly last_logsumexp?: number;
  readonly input_logprobs?: readonly (number | null)[];
  readonly input_ranks?: readonly (number | null)[];
  readonly greedy?: ReferenceCompletion;
  readonly "repetition_penalty_1.3"?: ReferenceCompletion;
}

export interface ReferenceCompletion {
  readonly ids: readonly number[];
  readonly text: string;
  readonly tokens: readonly ReferenceToken[];
}

export interface ReferenceToken {
  readonly id: number;
  readonly logprob: number;
  readonly rank: number;
  readonly margin: number;
  readonly top5: readonly (readonly [id: number, logprob: number])[];
}

/** A prompt with everything: those that are empty or fill the context have ids only. */
export type CompleteReference = Required<ReferencePrompt>;

export function readReference(file: string): ReferencePrompt[] {
  return JSON.parse(readFileSync(file, "utf8")) as ReferencePrompt[];
}

export function completeReferences(file: string): CompleteReference[] {
  return readReference(file).filter((prompt): prompt is CompleteReference => prompt.greedy !== undefined);
}

export const fixtures = "test/fixtures";
