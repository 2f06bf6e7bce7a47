/** Caikit's REST API. What nlp-client reads of it is contract: the tasks' schemas in place, parameters behind `allOf`. */
import type { ModelSchema } from "../caikit/schema.js";
import { streamBody, tokenizationBody, unaryBody } from "../caikit/task-body.js";
import {
  answer,
  arrayOf,
  count,
  errors,
  events,
  json,
  jsonBody,
  oneOf,
  orNull,
  ref,
  refOrNull,
  text,
  type Answer,
  type Operation,
  type PathItem,
  type Section,
} from "./operation.js";

const reasons = ["EOS_TOKEN", "MAX_TOKENS", "TOKEN_LIMIT", "STOP_SEQUENCE", "TIME_LIMIT", "CANCELLED", "ERROR"];
const tokens = arrayOf(ref("GeneratedToken"));

const schemas = {
  ...unaryBody.classes,
  ...streamBody.classes,
  ...tokenizationBody.classes,
  GeneratedTextResult: answer({
    generated_text: text,
    generated_tokens: count,
    finish_reason: oneOf(...reasons),
    producer_id: ref("ProducerId"),
    input_token_count: count,
    seed: { ...orNull(count), description: "The request's; `null` when it had none." },
    tokens,
    input_tokens: tokens,
  }),
  GeneratedTextStreamResult: answer({
    generated_text: text,
    tokens,
    details: answer({
      finish_reason: { ...oneOf("NOT_FINISHED", ...reasons), description: "`NOT_FINISHED` before the last event." },
      generated_tokens: count,
      seed: { ...count, description: "In the first and the last event, else 0." },
      input_token_count: count,
    }),
    producer_id: refOrNull("ProducerId"),
    input_tokens: tokens,
  }),
  GeneratedToken: answer({
    text,
    logprob: { type: "number", description: "The bare word `NaN` for the first token of a prompt." },
    rank: count,
  }),
  ProducerId: answer({ name: text, version: text }),
  TokenizationResults: answer({ results: { type: "null" }, token_count: count }),
  RuntimeInfo: answer({
    runtime_version: text,
    python_packages: { type: "object", additionalProperties: text, description: "Those of the original." },
  }),
  ModelsInfo: answer({ models: arrayOf(ref("ModelInfo")) }),
  ModelInfo: answer({
    model_path: text,
    name: text,
    size: { ...count, description: "In bytes." },
    metadata: { type: "object" },
    loaded: { type: "boolean" },
    module_id: text,
    module_metadata: answer({ name: text, version: text }),
  }),
  CaikitError: answer({ details: text, code: count, id: text }),
  CaikitValidationError: answer({ details: text, additional_info: arrayOf(ref("Issue")), code: count, id: text }),
  Issue: answer(
    {
      type: text,
      loc: { ...arrayOf({ type: ["string", "integer"] }), description: "Keys and indices from the body to the value." },
      msg: text,
      input: { description: "The value that was refused." },
      ctx: { type: "object", additionalProperties: text },
      url: text,
    },
    ["ctx"],
  ),
};

const refusals = {
  ...errors("CaikitError", { 400: "The model id or the text is missing, or a parameter is wrong." }),
  ...errors("CaikitValidationError", { 422: "The body is no JSON, or has not the shape that it should." }),
  ...errors("CaikitError", { 429: "Too many requests.", 500: "A bug; the log has its cause under the `id`." }),
};

const inputs = "In the beginning";
const parameters = { max_new_tokens: 16 };

export function caikitSection(modelId: string): Section {
  const asked = { model_id: modelId, inputs };
  return {
    name: "Caikit",
    description: "What Caikit's clients speak. Any `model_id` will do: the server has one model.",
    paths: {
      "/api/v1/task/text-generation": task(unaryBody, { ...asked, parameters }, generation),
      "/api/v1/task/server-streaming-text-generation": task(streamBody, { ...asked, parameters }, streaming),
      "/api/v1/task/tokenization": task(tokenizationBody, asked, tokenization),
      "/health": health,
      "/info/version": version,
      "/info/models": models(modelId),
    },
    schemas,
    refusal: "CaikitError",
  };
}

interface Task extends Pick<Operation, "operationId" | "summary" | "description"> {
  readonly success: Answer;
}

const forms = "`multipart/form-data` is read too, with `parameters` as JSON or as one field for each.";

const generation: Task = {
  operationId: "textGeneration",
  summary: "Generates text",
  description: `Greedy unless \`decoding_method\` is \`SAMPLING\`. ${forms}`,
  success: json("The text.", ref("GeneratedTextResult")),
};
const streaming: Task = {
  operationId: "serverStreamingTextGeneration",
  summary: "Generates text, streamed",
  description:
    "Server-sent events, named `message`; the first one tells the prompt's length. An error after the status is out " +
    `is the last event, named \`error\`. ${forms}`,
  success: events("The data of each event.", "GeneratedTextStreamResult", "CaikitError"),
};
const tokenization: Task = {
  operationId: "tokenization",
  summary: "Counts the tokens of a text",
  description: "As the model sees it.",
  success: json("The count.", ref("TokenizationResults")),
};

/** The body's schema stands in place and not behind a reference: a client of the contract looks for it there. */
function task({ body }: ModelSchema<unknown>, example: unknown, { success, ...head }: Task): PathItem {
  return { post: { ...head, requestBody: jsonBody(body, example), responses: { 200: success, ...refusals } } };
}

const health: PathItem = {
  get: {
    operationId: "health",
    summary: "Whether requests are answered",
    description: "A probe.",
    responses: { 200: { description: "They are.", content: { "text/plain": { schema: { const: "OK" } } } } },
    security: [],
  },
};

const version: PathItem = {
  get: {
    operationId: "runtimeInfo",
    summary: "Versions of the runtime and of its packages",
    description: "The packages are those of the original whose behaviour this server has.",
    responses: { 200: json("The versions.", ref("RuntimeInfo")) },
  },
};

const models = (modelId: string): PathItem => ({
  get: {
    operationId: "modelsInfo",
    summary: "Lists the model under each id that it is known by",
    description: "An id is known once a request has used it.",
    parameters: [
      {
        name: "model_ids",
        in: "query",
        required: false,
        description: "Only these; may come several times.",
        schema: arrayOf(text),
        example: [modelId],
      },
    ],
    responses: {
      200: json("The models.", ref("ModelsInfo")),
      ...errors("CaikitError", { 404: "No request has used this id." }),
    },
  },
});
