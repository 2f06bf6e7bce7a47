/** OpenAI's API: completions, chat and models, under `/v1` and under `/openai/v1`, where KServe's runtimes have it. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { HttpApi } from "../api.js";
import { chatCompletionSchema } from "./chat/chat-body.js";
import { completeChat } from "./chat/chat.js";
import { completionSchema } from "./completion-body.js";
import { complete } from "./completions.js";
import { chatFieldNames, completionFieldNames, OpenAiError, toOpenAiError, type FieldNames } from "./errors.js";
import { modelObject, requireServed, type OpenAiOptions } from "./models.js";
import { wordRefusal } from "./refusals.js";

export { openChatPrompts } from "./chat/chat.js";
export type { OpenAiOptions } from "./models.js";

/** Wrong requests, and what the engine refuses, get OpenAI's error object. */
export function openAiApi(options: OpenAiOptions): HttpApi {
  return async (app) => {
    const routes = routesOf(options);
    app.setErrorHandler(errorHandler(options, completionFieldNames));
    app.setValidatorCompiler(() => () => true); // bodies are read by the table that their schema is made of
    app.decorate("wordRefusal", wordRefusal);
    for (const prefix of ["/v1", "/openai/v1"]) await app.register(routes, { prefix });
  };
}

function errorHandler({ log }: Pick<OpenAiOptions, "log">, fieldNames: FieldNames) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const told = toOpenAiError(error, request.url, log, fieldNames);
    if (told.status === 429) void reply.header("retry-after", "1");
    return reply.code(told.status).send(told.body);
  };
}

function routesOf(options: OpenAiOptions): (app: FastifyInstance) => void {
  const { current } = options;
  return (app) => {
    app.setNotFoundHandler((request) => {
      const path = request.url.split("?", 1)[0] ?? "";
      throw new OpenAiError(404, "invalid_request_error", `Invalid URL (${request.method} ${path})`);
    });
    app.post("/completions", { schema: { body: completionSchema } }, async (request, reply) =>
      complete(options, request, reply),
    );
    const chat = { schema: { body: chatCompletionSchema }, errorHandler: errorHandler(options, chatFieldNames) };
    app.post("/chat/completions", chat, async (request, reply) => completeChat(options, request, reply));
    app.get("/models", () => ({ object: "list", data: [modelObject(current())] }));
    app.get<{ Params: { "*": string } }>("/models/*", ({ params }) => {
      const served = current();
      requireServed(params["*"], served.model.id); // a wildcard: names may have slashes in them
      return modelObject(served);
    });
  };
}
