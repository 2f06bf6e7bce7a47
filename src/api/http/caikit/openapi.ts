import type { ModelSchema, OpenApi } from "./schema.js";
import { streamBody, tokenizationBody, unaryBody } from "./task-body.js";

/** The OpenAPI document of Caikit's REST API, as JSON; `version` is the runtime's. */
export function openApiJson(version: string): string {
  const tasks = { ...unaryBody.classes, ...streamBody.classes, ...tokenizationBody.classes };
  return JSON.stringify({
    openapi: "3.1.0",
    info: { title: "CaikitNlp", version },
    paths: {
      "/api/v1/task/text-generation": task("Text generation", unaryBody, "application/json"),
      "/api/v1/task/server-streaming-text-generation": task(
        "Text generation, streamed as server-sent events",
        streamBody,
        "text/event-stream",
      ),
      "/api/v1/task/tokenization": task("Number of tokens in a text", tokenizationBody, "application/json"),
      "/health": question("Whether requests are answered", "text/plain"),
      "/info/version": question("Version of the runtime and of its packages", "application/json"),
      "/info/models": question("The models that are known", "application/json"),
    },
    components: { schemas: tasks },
  });
}

/** The body's schema stands here and not behind a reference: a client of the contract looks for it here. */
function task(summary: string, { body }: ModelSchema<unknown>, answerType: string): OpenApi {
  const requestBody = { required: true, content: { "application/json": { schema: body } } };
  return { post: { summary, requestBody, responses: success(answerType) } };
}

function question(summary: string, answerType: string): OpenApi {
  return { get: { summary, responses: success(answerType) } };
}

function success(type: string): OpenApi {
  return { 200: { description: "Successful Response", content: { [type]: {} } } };
}
