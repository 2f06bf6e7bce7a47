import type { FastifyReply, FastifyRequest } from "fastify";
import type { RequestLimits, UncheckedRequest } from "../../../../engine/request.js";
import type { Logger } from "../../../log.js";
import { answerWith, type Answering } from "../answering.js";
import { samplesOf, toSharedRequest } from "../engine-requests.js";
import { chatFieldNames, invalid } from "../errors.js";
import { checkModel, isChatModel, type OpenAiOptions, type OpenAiServing } from "../models.js";
import { answerHead, usageOf } from "../results.js";
import { readChatBody, type ChatBody } from "./chat-body.js";
import type { ChatPrompt, ChatPrompts } from "./prompts.js";
import { ChatChoiceStream, toChatChoice, type ChatCompletion } from "./results.js";

/** @returns undefined when the model has no chat template; only then is the template engine not loaded. */
export async function openChatPrompts(
  { model, engine }: Pick<OpenAiServing, "model" | "engine">,
  log: Logger,
): Promise<ChatPrompts | undefined> {
  if (!isChatModel(model)) return undefined;
  const { ChatPrompts } = await import("./prompts.js");
  return new ChatPrompts(model, engine.limits, log);
}

/** POST `/chat/completions`. */
export async function completeChat(
  options: OpenAiOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<ChatCompletion | undefined> {
  const { engine, model, chatPrompts } = options.current();
  const fingerprint = options.fingerprint?.();
  const body = readChatBody(request.body);
  checkModel(body.model, options);
  if (chatPrompts === undefined) throw hasNoTemplate(model.id);
  const answerNamed = <T extends string>(object: T) => answerHead(object, "chatcmpl", model.id, fingerprint);
  const head = answerNamed("chat.completion");
  const answering: Answering<ChatCompletion> = {
    requests: toEngineRequests(body, chatPrompts.promptOf(body), engine.limits),
    toAnswer: (generations) => ({
      ...head,
      choices: generations.map((generation, index) => toChatChoice(index, generation, body, model)),
      usage: usageOf(generations, body.n),
    }),
    fieldNames: chatFieldNames,
    stream: body.stream
      ? {
          head: answerNamed("chat.completion.chunk"),
          withUsage: body.stream_options?.include_usage ?? false,
          samples: body.n,
          toParts: (events, index) => new ChatChoiceStream(index, events, body, model),
        }
      : undefined,
  };
  return answerWith(answering, engine, options, request, reply);
}

function hasNoTemplate(modelId: string): Error {
  return invalid("messages", `The model \`${modelId}\` has no chat template: send the whole prompt to /v1/completions`);
}

/** Without a limit an answer may be as long as the server lets it: it ends when the model has said what it wants. */
function toEngineRequests(body: ChatBody, prompt: ChatPrompt, limits: RequestLimits): UncheckedRequest[] {
  const { logprobs, top_logprobs: topN = 0 } = body;
  const maxTokens = body.max_completion_tokens ?? body.max_tokens;
  const room = Math.min(limits.maxNewTokens, limits.maxSequenceLength - prompt.promptTokenIds.length);
  const asked = {
    ...toSharedRequest(body),
    ...prompt,
    maxNewTokens: maxTokens ?? limits.maxNewTokens,
    minNewTokens: body.ignore_eos ? (maxTokens ?? room) : body.min_tokens,
    details: logprobs ? { completionTokens: true, logprobs, topN } : {},
  };
  return samplesOf(asked, body.n, body.seed);
}
