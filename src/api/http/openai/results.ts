import { randomUUID } from "node:crypto";
import type { GenerationEvent, Stop, StopReason, TokenDetail } from "../../../engine/request.js";
import type { Generation } from "../../fold.js";
import type { TextModel } from "../text-model.js";
import type { CompletionBody } from "./completion-body.js";
import { LogprobsWriter, type Logprobs } from "./logprobs.js";

export type FinishReason = "stop" | "length";

export interface Choice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: Logprobs | null;
  readonly finish_reason: FinishReason | null;
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** What all parts of one answer begin with. */
export interface AnswerHead<ObjectName extends string = string> {
  readonly id: string;
  readonly object: ObjectName;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint?: string;
}

export interface Completion extends AnswerHead<"text_completion"> {
  readonly choices: readonly Choice[];
  /** `null`, or missing, in the parts of a stream. */
  readonly usage?: Usage | null;
}

export const finishReasons = {
  eos: "stop",
  "stop-sequence": "stop",
  "max-tokens": "length",
  "token-limit": "length",
  "time-limit": "length",
  cancelled: "length",
  error: "length",
} as const satisfies Record<StopReason, FinishReason>;

/**
 * @param prefix of the id.
 * @param fingerprint changes when answers to the same request and seed may change.
 */
export function answerHead<ObjectName extends string>(
  object: ObjectName,
  prefix: string,
  model: string,
  fingerprint: string | undefined,
): AnswerHead<ObjectName> {
  const created = Math.floor(Date.now() / 1000);
  const named = { id: `${prefix}-${randomUUID()}`, object, created, model };
  return fingerprint === undefined ? named : { ...named, system_fingerprint: fingerprint };
}

/** Prompts count once each, whatever the number of their samples. */
export function usageOf(
  choices: readonly Pick<Generation, "promptTokens" | "completionTokens">[],
  samples: number,
): Usage {
  const prompts = choices.filter((_, index) => index % samples === 0);
  const promptTokens = prompts.reduce((sum, choice) => sum + choice.promptTokens, 0);
  const completionTokens = choices.reduce((sum, choice) => sum + choice.completionTokens, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

export function toChoice(
  index: number,
  { text, stop, promptTokenDetails, completionTokenDetails }: Generation,
  { logprobs }: CompletionBody,
  { tokenizer }: TextModel,
): Choice {
  const details = [...promptTokenDetails, ...completionTokenDetails];
  return {
    index,
    text,
    logprobs: logprobs === undefined ? null : new LogprobsWriter(tokenizer, logprobs).write(details),
    finish_reason: finishReasons[stop.reason],
  };
}

/** A choice as it comes: one part for each event that has something to say. */
export class ChoiceStream {
  /** 0 until it has started. */
  promptTokens = 0;
  /** So far. */
  completionTokens = 0;
  readonly #logprobs: LogprobsWriter | undefined;

  constructor(
    private readonly index: number,
    private readonly events: AsyncIterable<GenerationEvent>,
    { logprobs }: CompletionBody,
    { tokenizer }: TextModel,
  ) {
    this.#logprobs = logprobs === undefined ? undefined : new LogprobsWriter(tokenizer, logprobs);
  }

  async *parts(): AsyncGenerator<Choice> {
    for await (const event of this.events) {
      switch (event.type) {
        case "started":
          this.promptTokens = event.promptTokens;
          if (event.text !== "") yield this.#part(event.text, []);
          break;
        case "prompt":
          yield this.#part("", event.tokens);
          break;
        case "tokens":
          this.completionTokens = event.completionTokens;
          yield this.#part(event.text, event.tokens, event.stop);
      }
    }
  }

  #part(text: string, tokens: readonly TokenDetail[], stop?: Stop): Choice {
    return {
      index: this.index,
      text,
      logprobs: tokens.length === 0 ? null : (this.#logprobs?.write(tokens) ?? null),
      finish_reason: stop === undefined ? null : finishReasons[stop.reason],
    };
  }
}
