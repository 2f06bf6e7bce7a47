import { boolean, integer, listOf, object, optional, string, withDefault, type Fields } from "../../../fields.js";
import { invalid } from "../errors.js";
import { checkGenerationBody, generationFields } from "../generation-fields.js";
import { anyObject, isEmpty, notServed, oneOf } from "../json-fields.js";
import { messages } from "./messages.js";

const noCalls = "what the model writes is not parsed into calls";

const isText = (value: unknown): boolean => Array.isArray(value) && value.every((modality) => modality === "text");
const isNoChoice = (value: unknown): boolean => value === "none" || value === "auto";

/** The fields of `/chat/completions`: OpenAI's, then those that vLLM adds. */
const fields = {
  ...generationFields,
  messages,
  max_tokens: optional(integer({ minimum: 1 })),
  max_completion_tokens: optional(integer({ minimum: 1 })),
  logprobs: withDefault(boolean, false),
  top_logprobs: optional(integer({ minimum: 0, maximum: 20 })),
  tools: withDefault(listOf(anyObject), []),
  tool_choice: optional(oneOf("none", "auto")),
  functions: notServed(noCalls, isEmpty),
  function_call: notServed(noCalls, isNoChoice),
  modalities: notServed("the model writes text", isText),
  audio: notServed("the model writes text"),
  web_search_options: notServed("there is no search"),
  chat_template: optional(string),
  chat_template_kwargs: withDefault(anyObject, {}),
  add_generation_prompt: optional(boolean),
  continue_final_message: withDefault(boolean, false),
  add_special_tokens: withDefault(boolean, false),
};

export type ChatBody = Fields<typeof fields>;

const chatFields = object(fields);

/** The body of `/chat/completions` as the OpenAPI document shows it. */
export const chatCompletionSchema = chatFields.schema;

/**
 * @throws {FieldError} when a field is not what it must be.
 * @throws {OpenAiError} when fields do not go together, or ask for what is not served.
 */
export function readChatBody(json: unknown): ChatBody {
  const body = chatFields.read(json, "");
  checkGenerationBody(body);
  checkTools(body);
  if (body.top_logprobs !== undefined && !body.logprobs) {
    throw invalid("top_logprobs", "top_logprobs is allowed with logprobs only");
  }
  if (body.continue_final_message && body.add_generation_prompt === true) {
    throw invalid("add_generation_prompt", "add_generation_prompt must be false with continue_final_message");
  }
  return body;
}

/** Templates may tell the model of tools that it is not to call now. */
function checkTools({ tools, tool_choice: choice }: ChatBody): void {
  if (tools.length > 0 && choice !== "none") {
    throw invalid("tools", `tools are allowed with tool_choice "none" only: ${noCalls}`);
  }
}
