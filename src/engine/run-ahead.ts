/**
 * When a decode may be followed by one that is launched before its tokens were looked at, from the tokens that the graph
 * found most likely. What is wrong here costs time and no answer: a row whose chosen token is another one is a hole in
 * the run ahead, and what that wrote lies behind the row's length (docs/decisions/0028-cuda-graphs.md).
 */
import type { GenerationRequest } from "./request.js";
import type { SchedulerCounts, StepPlan } from "./scheduler.js";
import type { Sequence } from "./sequence.js";
import type { RunAhead } from "./step.js";

export interface RunAheadContext {
  /** After the decode has run, before its step is committed. */
  readonly counts: SchedulerCounts;
  /** Positions of a row. */
  readonly rowLength: number;
  /** The plan's decode, where it ran ahead itself. */
  readonly ahead: RunAhead | undefined;
}

/**
 * Nobody else wants to run, and no sequence has ended, so that the rows are those that would be planned; every row has
 * room for one token more, every sequence takes the most likely token as it is, and one of them needs another.
 */
export function mayRunAhead(plan: StepPlan<Sequence>, { counts, rowLength, ahead }: RunAheadContext): boolean {
  const sequences = plan.decode.filter((sequence) => sequence !== undefined);
  const isAlone = plan.prefills.length === 0 && counts.waiting + counts.prefilling === 0;
  const isWhole = sequences.length === counts.running && sequences.length === (ahead?.launchedBehind ?? counts.running);
  if (!isAlone || !isWhole) return false;
  return (
    plan.decodePositions.every((position) => position + 1 < rowLength) &&
    sequences.every(({ request }) => takesHighest(request)) &&
    sequences.some(({ completionTokens, request }) => completionTokens + 1 < request.maxNewTokens)
  );
}

function takesHighest(request: GenerationRequest): boolean {
  const { sampling, repetitionPenalty, frequencyPenalty, presencePenalty, lengthPenalty, logitBias } = request;
  const hasPenalty = repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
  return sampling === undefined && !hasPenalty && lengthPenalty === undefined && logitBias === undefined;
}
