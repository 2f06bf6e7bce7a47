/**
 * Caikit's results as JSON text, in the style of Python's `json.dumps` and with all keys always there. Written as
 * templates: a stream makes one for each event, and the templates are the contract in view.
 */
import type { GenerationEvent, StopReason, TokenDetail } from "../../../engine/request.js";
import type { ServedModel } from "../../caikit/models.js";
import type { Generation } from "../../fold.js";
import { jsonFloat, jsonString } from "./python-text.js";

const finishReasons = {
  eos: "EOS_TOKEN",
  "max-tokens": "MAX_TOKENS",
  "token-limit": "TOKEN_LIMIT",
  "stop-sequence": "STOP_SEQUENCE",
  "time-limit": "TIME_LIMIT",
  cancelled: "CANCELLED",
  error: "ERROR",
} as const satisfies Record<StopReason, string>;

/** @param requestSeed the client's own: a drawn seed is not told in a unary answer. */
export function unaryResult(
  generation: Generation,
  requestSeed: bigint | undefined,
  { name, version }: ServedModel["producer"],
): string {
  return (
    `{"generated_text": ${jsonString(generation.text)}, "generated_tokens": ${generation.completionTokens}, ` +
    `"finish_reason": "${finishReasons[generation.stop.reason]}", ` +
    `"producer_id": {"name": ${jsonString(name)}, "version": ${jsonString(version)}}, ` +
    `"input_token_count": ${generation.promptTokens}, "seed": ${requestSeed ?? "null"}, ` +
    `"tokens": ${tokensJson(generation.completionTokenDetails)}, ` +
    `"input_tokens": ${tokensJson(generation.promptTokenDetails)}}`
  );
}

export function tokenizationResult(tokenCount: number): string {
  return `{"results": null, "token_count": ${tokenCount}}`;
}

/** What one event of a stream may tell. */
interface StreamFields {
  readonly text?: string;
  readonly tokens?: readonly TokenDetail[];
  readonly finishReason?: string;
  readonly generatedTokens?: number;
  readonly seed?: bigint;
  readonly inputTokenCount?: number;
  readonly inputTokens?: readonly TokenDetail[];
}

/** The results of one stream, one for each event: the seed comes with the first and the last. */
export class StreamResults {
  #seed = 0n;

  toJson(event: GenerationEvent): string {
    switch (event.type) {
      case "started":
        this.#seed = event.seed;
        return streamResult({ text: event.text, seed: event.seed, inputTokenCount: event.promptTokens });
      case "prompt":
        return streamResult({ inputTokens: event.tokens, inputTokenCount: event.tokens.length });
      case "tokens": {
        const { text, tokens, completionTokens: generatedTokens, stop } = event;
        if (stop === undefined) return streamResult({ text, tokens, generatedTokens });
        return streamResult({
          text,
          tokens,
          generatedTokens,
          finishReason: finishReasons[stop.reason],
          seed: this.#seed,
        });
      }
    }
  }
}

function streamResult(fields: StreamFields): string {
  const { text = "", tokens = [], inputTokens = [], finishReason = "NOT_FINISHED" } = fields;
  const { generatedTokens = 0, seed = 0n, inputTokenCount = 0 } = fields;
  return (
    `{"generated_text": ${jsonString(text)}, "tokens": ${tokensJson(tokens)}, ` +
    `"details": {"finish_reason": "${finishReason}", "generated_tokens": ${generatedTokens}, ` +
    `"seed": ${seed}, "input_token_count": ${inputTokenCount}}, ` +
    `"producer_id": null, "input_tokens": ${tokensJson(inputTokens)}}`
  );
}

function tokensJson(tokens: readonly TokenDetail[]): string {
  return `[${tokens.map(tokenJson).join(", ")}]`;
}

/** Single precision is what the original's backend sends. */
function tokenJson({ piece, logprob, rank }: TokenDetail): string {
  return `{"text": ${jsonString(piece)}, "logprob": ${jsonFloat(Math.fround(logprob))}, "rank": ${rank}}`;
}
