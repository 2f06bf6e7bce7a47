import type { ChatTemplate } from "../../../../model/index.js";
import { invalid } from "../errors.js";
import type { ChatBody } from "./chat-body.js";
import { TemplateRefusal, type CompiledTemplate } from "./compiled-template.js";
import type { Message } from "./messages.js";

/**
 * The conversation as text, as transformers' `apply_chat_template` makes it.
 * @throws {OpenAiError} when the template refuses the conversation, or fails on it.
 */
export function renderPrompt(
  body: ChatBody,
  template: CompiledTemplate,
  specialTokens: ChatTemplate["specialTokens"],
): string {
  const { messages, continue_final_message: isContinued, tools } = body;
  const variables = {
    ...specialTokens,
    ...body.chat_template_kwargs,
    messages: messages.map((message) => toTemplateMessage(message, template)),
    tools: tools.length > 0 ? tools : null,
    documents: null,
    add_generation_prompt: body.add_generation_prompt ?? !isContinued,
  };
  if (!isContinued) return render(template, variables);
  return renderUpToFinalMessage(template, variables);
}

/** A template that knows no developer is told of the system: OpenAI's newer name for it. */
function toTemplateMessage(message: Message, { source }: CompiledTemplate): Message {
  return message.role === "developer" && !source.includes("developer") ? { ...message, role: "system" } : message;
}

function render(template: CompiledTemplate, variables: Readonly<Record<string, unknown>>): string {
  try {
    return template.render(variables);
  } catch (error) {
    if (error instanceof TemplateRefusal) throw invalid("messages", error.message);
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid("messages", `the chat template fails on this conversation: ${reason}`);
  }
}

/** Put behind the final message to find its end in the prompt; with a space, to see whether the template trims. */
const endMark = "CONTINUE_FINAL_MESSAGE_TAG ";

function renderUpToFinalMessage(
  template: CompiledTemplate,
  variables: Readonly<Record<string, unknown>> & { readonly messages: readonly Message[] },
): string {
  const before = variables.messages.slice(0, -1);
  const last = variables.messages.slice(-1).map((message) => ({ ...message, content: message.content + endMark }));
  const rendered = render(template, { ...variables, messages: [...before, ...last] });
  const end = rendered.lastIndexOf(endMark.trimEnd());
  if (end < 0) throw invalid("messages", "continue_final_message: the chat template leaves the final message out");
  const prompt = rendered.slice(0, end);
  return rendered.startsWith(endMark, end) ? prompt : prompt.trimEnd();
}
