import type { GenerationEvent, UncheckedRequest } from "../../src/engine/request.js";
import type { RunResult } from "../../src/engine/runner/runner.js";
import { Candidates } from "../../src/engine/sampling/candidates.js";
import { Sequence } from "../../src/engine/sequence.js";
import { checkParameters, completeRequest } from "../../src/engine/validation.js";
import { resultWith } from "./logits.js";
import { idsOf, textOf, vocabularySize } from "./scripted-runner.js";

const limits = { maxSequenceLength: 64, maxNewTokens: 64, vocabularySize, includeStopSequenceByDefault: true };

/** A greedy sequence over characters, of which "$" ends the text. */
export function sequenceOf(asked: Partial<UncheckedRequest> & { readonly prompt: string }, arrivalMs = 0): Sequence {
  const whole = { method: "greedy", ...asked } as const;
  const request = completeRequest(
    checkParameters(whole, limits, () => 0n),
    idsOf(asked.prompt),
    undefined,
    limits,
  );
  const context = {
    eosTokenIds: new Set(idsOf("$")),
    bytesOf: (id: number) => Buffer.from(textOf([id]).replace("$", "")),
    pieceOf: (id: number) => textOf([id]),
    candidates: new Candidates(vocabularySize),
    isSpeculating: true,
    vocabularySize,
  };
  return new Sequence(request, context, arrivalMs);
}

/** The result of a run: for each row its tokens, with logits 3, 2, 1, ... in their order; all others have 0. */
export function resultOf(...rows: readonly string[]): RunResult {
  const logits = (row: number): Float32Array => {
    const values = new Float32Array(vocabularySize);
    const tokens = idsOf(rows[row] ?? "");
    for (const [rank, id] of tokens.entries()) values[id] = tokens.length - rank;
    return values;
  };
  return resultWith(logits);
}

/** The events told so far; closes the sequence. */
export async function toldBy(sequence: Sequence): Promise<GenerationEvent[]> {
  sequence.events.close();
  const told: GenerationEvent[] = [];
  for await (const event of sequence.events) told.push(event);
  return told;
}
