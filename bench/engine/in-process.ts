import type { Engine, UncheckedRequest } from "../../src/engine/index.js";
import { HarnessError } from "../errors.js";
import { ArrivalLog } from "./arrivals.js";
import type { Prompt } from "./prompts.js";
import type { Run, Variant, Workload } from "./variant.js";

type Choice = Pick<UncheckedRequest, "method" | "temperature" | "topK" | "topP">;

export const greedy: Choice = { method: "greedy" };
export const sampled: Choice = { method: "sample", temperature: 1, topK: 50, topP: 0.9 };

/** The engine, called in this process. */
export class EngineCalls implements Variant {
  constructor(
    readonly name: string,
    private readonly engine: Engine,
    private readonly choice: Choice,
  ) {}

  async run({ prompts, newTokens, observer }: Workload): Promise<Run> {
    const log = new ArrivalLog(prompts.length, newTokens, observer);
    const calls = prompts.map(async (prompt, sequence) => this.#follow(prompt, sequence, newTokens, log));
    await Promise.all(calls);
    return { arrivals: log.finish() };
  }

  async #follow({ text, tokenIds }: Prompt, sequence: number, newTokens: number, log: ArrivalLog): Promise<void> {
    const request = {
      ...this.choice,
      prompt: text,
      seed: BigInt(sequence + 1),
      maxNewTokens: newTokens,
      minNewTokens: newTokens, // no end of text before
      details: { completionTokens: true }, // one event for each token, also where its text is held back
    };
    for await (const event of this.engine.generate(request, new AbortController().signal)) {
      if (event.type === "tokens") log.record(sequence, event.completionTokens);
      if (event.type === "started" && event.promptTokens !== tokenIds.length) {
        throw new HarnessError(`the engine sees ${event.promptTokens} prompt tokens, not ${tokenIds.length}`);
      }
    }
  }
}
