import type { RequestLimits } from "../../../../engine/request.js";
import { checkPromptCharacters } from "../../../../engine/validation.js";
import type { ChatTemplate } from "../../../../model/index.js";
import type { Logger } from "../../../log.js";
import { invalid } from "../errors.js";
import type { ChatModel } from "../models.js";
import type { ChatBody } from "./chat-body.js";
import { renderPrompt } from "./prompt.js";
import { TemplateSet } from "./template-set.js";

/** A conversation as the model reads it. */
export interface ChatPrompt {
  readonly prompt: string;
  readonly promptTokenIds: readonly number[];
}

/** Makes prompts of conversations, for a model that has a template for it. */
export class ChatPrompts {
  readonly #templates: TemplateSet;
  readonly #specialTokens: ChatTemplate["specialTokens"];

  constructor(
    private readonly model: ChatModel,
    private readonly limits: RequestLimits,
    log: Logger,
  ) {
    const { chatTemplate } = model.tokenizer;
    this.#templates = new TemplateSet(model.id, chatTemplate, log);
    this.#specialTokens = chatTemplate.specialTokens;
  }

  /**
   * The template brings the special tokens, so the tokenizer adds none of its own.
   * @throws {OpenAiError} when there is no prompt for it.
   * @throws {InvalidRequestError} when it is too long to be tokenized.
   */
  promptOf(body: ChatBody): ChatPrompt {
    checkCount(body.messages.length, this.limits);
    const template = this.#templates.choose(body.chat_template, body.tools.length > 0);
    const prompt = renderPrompt(body, template, this.#specialTokens);
    checkPromptCharacters(prompt, this.limits);
    const promptTokenIds = this.model.tokenizer.encode(prompt, { addSpecialTokens: body.add_special_tokens });
    return { prompt, promptTokenIds };
  }
}

/** A message has a token at least: what cannot fit is refused before a template goes through it. */
function checkCount(count: number, { maxSequenceLength }: RequestLimits): void {
  if (count < maxSequenceLength) return;
  const message = `messages: the prompt must have fewer than ${maxSequenceLength} tokens, got ${count} messages`;
  throw invalid("messages", message, "context_length_exceeded");
}
