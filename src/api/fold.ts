import type { GenerationEvent, Stop, TokenDetail } from "../engine/request.js";
import { InternalError } from "../errors.js";

/** A whole generation: what a client of a unary call gets. */
export interface Generation {
  readonly text: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly stop: Stop;
  /** The seed that was used; 0n when greedy. */
  readonly seed: bigint;
  /** Empty unless asked for. */
  readonly promptTokenDetails: readonly TokenDetail[];
  /** Empty unless asked for. */
  readonly completionTokenDetails: readonly TokenDetail[];
}

/**
 * Unary is the fold of the stream: one path, no second behaviour.
 * @throws {InternalError} when the events end without a stop reason; else what the events throw.
 */
export async function foldEvents(events: AsyncIterable<GenerationEvent>): Promise<Generation> {
  let text = "";
  let promptTokens = 0;
  let seed = 0n;
  let promptTokenDetails: readonly TokenDetail[] = [];
  const completionTokenDetails: TokenDetail[] = [];
  for await (const event of events) {
    switch (event.type) {
      case "started":
        ({ text, promptTokens, seed } = event);
        break;
      case "prompt":
        promptTokenDetails = event.tokens;
        break;
      case "tokens":
        text += event.text;
        completionTokenDetails.push(...event.tokens);
        if (event.stop !== undefined) {
          const { completionTokens, stop } = event;
          const counted = { promptTokens, completionTokens, stop, promptTokenDetails, completionTokenDetails };
          // Out of time before the first token, TGIS tells neither the prompt's text nor the seed, as its streams do.
          const isTimeUp = stop.reason === "time-limit" && completionTokens === 0;
          return isTimeUp ? { ...counted, text: "", seed: 0n } : { ...counted, text, seed };
        }
    }
  }
  throw new InternalError("the generation ended without a stop reason");
}
