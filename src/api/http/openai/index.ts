/** OpenAI's API: completions and models, under `/v1` and under `/openai/v1`, where KServe's runtimes have it. */
import type { FastifyInstance } from "fastify";
import type { HttpApi } from "../api.js";
import { object, optional, string } from "../../fields.js";
import { completionSchema } from "./completion-body.js";
import { complete } from "./completions.js";
import { invalid, toOpenAiError } from "./errors.js";
import { checkModel, modelObject, requireServed, type OpenAiOptions } from "./models.js";
import { fingerprintOf } from "./results.js";

export type { OpenAiOptions } from "./models.js";

/** Wrong requests, and what the engine refuses, get OpenAI's error object. */
export function openAiApi(options: OpenAiOptions): HttpApi {
  const routes = routesOf(options);
  return async (app) => {
    app.setErrorHandler((error, request, reply) => {
      const told = toOpenAiError(error, request.url, options.log);
      if (told.status === 429) void reply.header("retry-after", "1");
      return reply.code(told.status).send(told.body);
    });
    app.setValidatorCompiler(() => () => true); // bodies are read by the table that their schema is made of
    for (const prefix of ["/v1", "/openai/v1"]) await app.register(routes, { prefix });
  };
}

const chatFields = object({ model: optional(string) });

function routesOf(options: OpenAiOptions): (app: FastifyInstance) => void {
  const { model } = options;
  const served = modelObject(options);
  const fingerprint = fingerprintOf(model, options.version);
  return (app) => {
    app.post("/completions", { schema: { body: completionSchema } }, (request, reply) =>
      complete(options, fingerprint, request, reply),
    );
    app.post("/chat/completions", (request) => {
      checkModel(chatFields.read(request.body, "").model, options);
      throw invalid(
        "messages",
        `The model \`${model.id}\` has no chat template: send the whole prompt to /v1/completions`,
      );
    });
    app.get("/models", () => ({ object: "list", data: [served] }));
    app.get<{ Params: { "*": string } }>("/models/*", ({ params }) => {
      requireServed(params["*"], model.id); // a wildcard: names may have slashes in them
      return served;
    });
  };
}
