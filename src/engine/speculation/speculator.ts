import { PromptLookup } from "./prompt-lookup.js";

/** Tokens of a draft: few to begin with, twice as many whenever all of them were right. */
const firstDraftTokens = 4;
export const maxDraftTokens = 15;
/** Steps without a draft after one of which nothing was right: one, and twice as many each time it happens again. */
const maxPauseSteps = 64;

/**
 * When to guess a sequence's next tokens, and how many: a wrong guess costs the time of computing it. Guesses change how
 * fast an answer comes and never what it is.
 */
export class Speculator {
  readonly #lookup: PromptLookup;
  #draftTokens = firstDraftTokens;
  /** Drafts in a row of which nothing was right. */
  #misses = 0;
  #pausedSteps = 0;

  /** @param tokenIds the sequence's, which grow. */
  constructor(tokenIds: readonly number[], vocabularySize: number) {
    this.#lookup = new PromptLookup(tokenIds, vocabularySize);
  }

  /** What may come next, at most `limit` tokens; often nothing. */
  draft(limit: number): readonly number[] {
    if (this.#pausedSteps > 0) {
      this.#pausedSteps -= 1;
      return [];
    }
    return this.#lookup.draft(Math.min(limit, this.#draftTokens));
  }

  /** Of a draft of `drafted` tokens, the first `accepted` were right. */
  verified(drafted: number, accepted: number): void {
    if (accepted === 0) {
      this.#misses += 1;
      this.#pausedSteps = Math.min(2 ** (this.#misses - 1), maxPauseSteps);
      this.#draftTokens = firstDraftTokens;
      return;
    }
    this.#misses = 0;
    const longer = accepted === drafted ? 2 * this.#draftTokens : accepted + 1;
    this.#draftTokens = Math.min(longer, maxDraftTokens);
  }
}
