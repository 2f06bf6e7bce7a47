/** OpenAI's API. */
import { chatCompletionSchema } from "../openai/chat/chat-body.js";
import type { ChatLogprobs, ChatTokenLogprob, ChatTopLogprob } from "../openai/chat/logprobs.js";
import type { ChatChoice, ChatChunk, ChatChunkChoice, ChatCompletion } from "../openai/chat/results.js";
import { completionSchema } from "../openai/completion-body.js";
import type { ErrorBody } from "../openai/errors.js";
import type { Logprobs } from "../openai/logprobs.js";
import type { ModelObject } from "../openai/models.js";
import type { Choice, Completion, Usage } from "../openai/results.js";
import {
  answer,
  arrayOf,
  count,
  errors,
  events,
  json,
  jsonBody,
  jsonOrEvents,
  oneOf,
  orNull,
  ref,
  refOrNull,
  text,
  type PathItem,
  type Section,
} from "./operation.js";

const number = { type: "number" } as const;

const nothing = { type: "null" } as const;
const created = { ...count, description: "Seconds since 1970." };
const fingerprint = {
  ...text,
  description:
    "Changes when the same request and seed may give another answer. Missing until the model's digest is known.",
};
const finishReason = { enum: ["stop", "length", null], description: "`null` before the last part of a stream." };
const chatLogprob = {
  token: text,
  logprob: number,
  bytes: { ...orNull({ type: "array", items: count }), description: "UTF-8; `null` for a token that is no text." },
};

const schemas = {
  CompletionRequest: completionSchema,
  Completion: answer<Completion>(
    {
      id: text,
      object: { const: "text_completion" },
      created,
      model: text,
      system_fingerprint: fingerprint,
      choices: arrayOf(ref("CompletionChoice")),
      usage: refOrNull("Usage"),
    },
    ["usage", "system_fingerprint"],
  ),
  CompletionChoice: answer<Choice>({
    index: count,
    text,
    logprobs: refOrNull("CompletionLogprobs"),
    finish_reason: finishReason,
  }),
  CompletionLogprobs: answer<Logprobs>({
    tokens: arrayOf(text),
    token_logprobs: arrayOf(orNull(number)),
    top_logprobs: arrayOf(orNull({ type: "object", additionalProperties: number })),
    text_offset: { ...arrayOf(count), description: "Where each token begins, in Unicode code points." },
  }),
  ChatCompletionRequest: chatCompletionSchema,
  ChatCompletion: answer<ChatCompletion>(
    {
      id: text,
      object: { const: "chat.completion" },
      created,
      model: text,
      system_fingerprint: fingerprint,
      choices: arrayOf(ref("ChatChoice")),
      usage: ref("Usage"),
    },
    ["system_fingerprint"],
  ),
  ChatChoice: answer<ChatChoice>({
    index: count,
    message: answer<ChatChoice["message"]>({ role: { const: "assistant" }, content: text, refusal: nothing }),
    logprobs: refOrNull("ChatLogprobs"),
    finish_reason: { enum: ["stop", "length"] },
  }),
  ChatChunk: answer<ChatChunk>(
    {
      id: text,
      object: { const: "chat.completion.chunk" },
      created,
      model: text,
      system_fingerprint: fingerprint,
      choices: arrayOf(ref("ChatChunkChoice")),
      usage: refOrNull("Usage"),
    },
    ["usage", "system_fingerprint"],
  ),
  ChatChunkChoice: answer<ChatChunkChoice>({
    index: count,
    delta: answer<ChatChunkChoice["delta"]>({ role: { const: "assistant" }, content: text }, ["role", "content"]),
    logprobs: refOrNull("ChatLogprobs"),
    finish_reason: finishReason,
  }),
  ChatLogprobs: answer<ChatLogprobs>({ content: arrayOf(ref("ChatTokenLogprob")), refusal: nothing }),
  ChatTokenLogprob: answer<ChatTokenLogprob>({ ...chatLogprob, top_logprobs: arrayOf(ref("ChatTopLogprob")) }),
  ChatTopLogprob: answer<ChatTopLogprob>(chatLogprob),
  Usage: answer<Usage>({ prompt_tokens: count, completion_tokens: count, total_tokens: count }),
  Model: answer<ModelObject>({
    id: text,
    object: { const: "model" },
    created: { ...count, description: "When it was loaded, in seconds since 1970." },
    owned_by: text,
    max_model_len: { ...count, description: "Prompt and completion tokens together." },
  }),
  ModelList: answer<{ object: "list"; data: ModelObject[] }>({
    object: { const: "list" },
    data: arrayOf(ref("Model")),
  }),
  OpenAiError: answer<ErrorBody>({
    error: answer<ErrorBody["error"]>({
      message: text,
      type: oneOf(
        "invalid_request_error",
        "rate_limit_error",
        "timeout_error",
        "cancelled_error",
        "service_unavailable_error",
        "server_error",
      ),
      param: { ...orNull(text), description: "The field that is wrong." },
      code: orNull(text),
    }),
  }),
};

const extensions =
  "Beside OpenAI's own fields there are vLLM's `top_k`, `repetition_penalty`, `min_tokens`, `ignore_eos` (the end of " +
  "the text never comes, not with `stop`) and `include_stop_str_in_output`.";

const places = [
  { url: "/", description: "OpenAI's own place" },
  { url: "/openai", description: "Where KServe's runtimes have it" },
];

const unknownModel = errors("OpenAiError", { 404: "The server has another model." });

const refusals = {
  ...errors("OpenAiError", { 400: "A field is wrong, or the prompt is too long for the model." }),
  ...unknownModel,
  ...errors("OpenAiError", { 429: "Too many requests; `retry-after` says when to come back.", 500: "A bug." }),
};

export function openAiSection(modelId: string): Section {
  const paths = {
    "/v1/completions": completions(modelId),
    "/v1/chat/completions": chatCompletions(modelId),
    "/v1/models": models,
    "/v1/models/{id}": model(modelId),
  };
  return {
    name: "OpenAI",
    description: "What OpenAI's clients speak. Every path is under `/openai/v1` too.",
    paths: Object.fromEntries(Object.entries(paths).map(([path, item]) => [path, { servers: places, ...item }])),
    schemas,
    refusal: "OpenAiError",
  };
}

const completions = (modelId: string): PathItem => ({
  post: {
    operationId: "createCompletion",
    summary: "Completes one or more prompts",
    description:
      "With `stream` the answer comes as server-sent events, each a `Completion` with what is new, and `[DONE]` as " +
      "the last. `temperature` 0 always takes the most likely token; the same `seed` gives the same text. Without " +
      `\`model\` the served one is meant. ${extensions}`,
    requestBody: jsonBody(ref("CompletionRequest"), {
      model: modelId,
      prompt: "In the beginning",
      max_tokens: 16,
      temperature: 0,
    }),
    responses: {
      200: jsonOrEvents(
        "The completions; `usage` is `null` or missing in the parts of a stream.",
        json("The completions.", ref("Completion")),
        events("The data of each event.", "Completion", "OpenAiError"),
      ),
      ...refusals,
    },
  },
});

const chatCompletions = (modelId: string): PathItem => ({
  post: {
    operationId: "createChatCompletion",
    summary: "Answers a conversation",
    description:
      "For models whose tokenizer has a chat template; others are refused with that reason. With `stream` the answer " +
      `comes as server-sent events, each a \`ChatChunk\`, and \`[DONE]\` as the last. ${extensions}`,
    requestBody: jsonBody(ref("ChatCompletionRequest"), {
      model: modelId,
      messages: [{ role: "user", content: "Hello" }],
      max_completion_tokens: 16,
      temperature: 0,
    }),
    responses: {
      200: jsonOrEvents(
        "The answer.",
        json("The answer.", ref("ChatCompletion")),
        events("The data of each event.", "ChatChunk", "OpenAiError"),
      ),
      ...refusals,
    },
  },
});

const models: PathItem = {
  get: {
    operationId: "listModels",
    summary: "Lists the served model",
    description: "One server has one model.",
    responses: { 200: json("The models.", ref("ModelList")) },
  },
};

const model = (modelId: string): PathItem => ({
  get: {
    operationId: "getModel",
    summary: "Describes the served model",
    description: "Its id may have slashes in it.",
    parameters: [
      { name: "id", in: "path", required: true, description: "The model's id.", schema: text, example: modelId },
    ],
    responses: { 200: json("The model.", ref("Model")), ...unknownModel },
  },
});
