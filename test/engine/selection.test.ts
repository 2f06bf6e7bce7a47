/** Selection in the graph, in both of its ways, against a search of whole rows of logits. */
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import type { Selection } from "../../src/model/index.js";
import { fixture } from "../support/checkpoints.js";
import { complete, startTestEngine, type Completion } from "../support/engine.js";
import { randomRequests, type Asked } from "../support/random-request.js";
import { completeReferences } from "../support/reference.js";

const micro = ["", "-bf16", "-bin", "-bin-base", "-caikit", "-f16", "-sharded"].map(
  (suffix) => [fixture(`micro-gpt2${suffix}`), fixture("micro-gpt2/reference.json")] as const,
);
const checkpoints = [
  ...micro,
  [fixture("gpt2-vocab"), fixture("gpt2-vocab/reference.json")],
  ["models/tiny", fixture("tiny-reference.json")],
] as const;

async function answers(folder: string, selection: Selection, asked: readonly Asked[]): Promise<Completion[]> {
  using running = await startTestEngine(folder, { maxSlots: 8, prefillChunkTokens: 16, selection });
  return await Promise.all(asked.map(async (request) => complete(running.engine, request)));
}

test.each(checkpoints)(
  "%s: selected tokens, their texts, logprobs and ranks are those of whole rows",
  async (...of) => {
    const [folder, reference] = of;
    const prompts = completeReferences(reference).map(({ prompt }) => prompt);
    const asked = randomRequests(6, 40, prompts);
    const plain = await answers(folder, "none", asked);
    expect(plain.reduce((sum, { completionTokens }) => sum + completionTokens, 0)).toBeGreaterThan(asked.length);
    for (const selection of ["block-maxima", "on-device"] as const) {
      const selected = await answers(folder, selection, asked);
      expect(asked.filter((_, at) => !isDeepStrictEqual(selected[at], plain[at]))).toEqual([]);
    }
  },
);
