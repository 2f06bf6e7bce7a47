import type { GenerationEvent, TokenDetail } from "../../../../engine/request.js";
import type { Generation } from "../../../fold.js";
import type { TextModel } from "../../text-model.js";
import { finishReasons, type AnswerHead, type FinishReason, type Usage } from "../results.js";
import type { ChatBody } from "./chat-body.js";
import { toChatLogprobs, type ChatLogprobs } from "./logprobs.js";

export interface ChatChoice {
  readonly index: number;
  readonly message: { readonly role: "assistant"; readonly content: string; readonly refusal: null };
  readonly logprobs: ChatLogprobs | null;
  readonly finish_reason: FinishReason;
}

export interface ChatCompletion extends AnswerHead<"chat.completion"> {
  readonly choices: readonly ChatChoice[];
  readonly usage: Usage;
}

/** What is new of a choice. */
export interface ChatChunkChoice {
  readonly index: number;
  readonly delta: { readonly role?: "assistant"; readonly content?: string };
  readonly logprobs: ChatLogprobs | null;
  readonly finish_reason: FinishReason | null;
}

/** One event of a stream. */
export interface ChatChunk extends AnswerHead<"chat.completion.chunk"> {
  /** Empty in the event that has the usage. */
  readonly choices: readonly ChatChunkChoice[];
  /** Only when it is asked for; `null` before the end. */
  readonly usage?: Usage | null;
}

type LogprobsAsked = Pick<ChatBody, "logprobs" | "top_logprobs">;

export function toChatChoice(
  index: number,
  { text, stop, completionTokenDetails }: Generation,
  asked: LogprobsAsked,
  model: TextModel,
): ChatChoice {
  return {
    index,
    message: { role: "assistant", content: text, refusal: null },
    logprobs: logprobsOf(completionTokenDetails, asked, model),
    finish_reason: finishReasons[stop.reason],
  };
}

function logprobsOf(details: readonly TokenDetail[], asked: LogprobsAsked, model: TextModel): ChatLogprobs | null {
  return asked.logprobs ? toChatLogprobs(details, asked.top_logprobs ?? 0, model.tokenizer) : null;
}

/** A choice as it comes: who speaks, then what is said, then why it ends. */
export class ChatChoiceStream {
  /** 0 until it has started. */
  promptTokens = 0;
  /** So far. */
  completionTokens = 0;

  constructor(
    private readonly index: number,
    private readonly events: AsyncIterable<GenerationEvent>,
    private readonly asked: LogprobsAsked,
    private readonly model: TextModel,
  ) {}

  async *parts(): AsyncGenerator<ChatChunkChoice> {
    for await (const event of this.events) {
      if (event.type === "started") {
        this.promptTokens = event.promptTokens;
        yield this.#part({ role: "assistant", content: "" });
      } else if (event.type === "tokens") {
        this.completionTokens = event.completionTokens;
        if (event.text !== "" || event.tokens.length > 0) yield this.#part({ content: event.text }, event.tokens);
        if (event.stop !== undefined) yield { ...this.#part({}), finish_reason: finishReasons[event.stop.reason] };
      }
    }
  }

  #part(delta: ChatChunkChoice["delta"], tokens: readonly TokenDetail[] = []): ChatChunkChoice {
    const logprobs = tokens.length === 0 ? null : logprobsOf(tokens, this.asked, this.model);
    return { index: this.index, delta, logprobs, finish_reason: null };
  }
}
