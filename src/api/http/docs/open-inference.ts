/** The Open Inference Protocol v2, with its extension for text generation. */
import { inferSchema, type InferRequest } from "../../open-inference/infer.js";
import type { ModelMetadata, ServerMetadata } from "../../open-inference/metadata.js";
import type { Tensor, TensorMetadata } from "../../open-inference/tensors.js";
import { generateSchema, type GeneratePart, type GenerateResult } from "../open-inference/generate.js";
import {
  answer,
  arrayOf,
  errors,
  events,
  json,
  jsonBody,
  oneOf,
  ref,
  text,
  type Operation,
  type Parameter,
  type PathItem,
  type Section,
} from "./operation.js";

const boolean = { type: "boolean" } as const;
const shape = { type: "array", items: { type: "integer", minimum: -1 } };
const datatype = oneOf("BYTES", "UINT32");
const finishReasons = ["length", "eos_token", "stop_sequence"];
const name = { model_name: text, model_version: text };

const schemas = {
  V2InferRequest: inferSchema,
  V2InferResult: answer<Pick<InferRequest, "id"> & { model_name: string; outputs: Tensor[] }>(
    { model_name: text, id: text, outputs: arrayOf(ref("V2Tensor")) },
    ["id"],
  ),
  V2Tensor: answer<Tensor>({
    name: text,
    datatype,
    shape,
    data: { type: "array", items: { type: ["string", "integer"] } },
  }),
  V2GenerateRequest: generateSchema,
  V2GenerateResult: answer<GenerateResult>(
    {
      ...name,
      text_output: text,
      details: answer<NonNullable<GenerateResult["details"]>>({
        finish_reason: oneOf(...finishReasons),
        logprobs: arrayOf(ref("TextToken")),
      }),
    },
    ["model_version", "details"],
  ),
  V2GeneratePart: answer<GeneratePart>(
    {
      ...name,
      text_output: text,
      details: answer<NonNullable<GeneratePart["details"]>>({
        finish_reason: { enum: [...finishReasons, null], description: "`null` before the last part." },
        token: ref("TextToken"),
      }),
    },
    ["model_version", "details"],
  ),
  V2ServerMetadata: answer<ServerMetadata>({ name: text, version: text, extensions: arrayOf(text) }),
  V2ServerHealth: answer<{ live: boolean; ready: boolean }>({ live: boolean, ready: boolean }, ["ready"]),
  V2ModelList: answer<{ models: string[] }>({ models: arrayOf(text) }),
  V2ModelMetadata: answer<ModelMetadata>(
    {
      name: text,
      platform: text,
      inputs: arrayOf(ref("V2TensorMetadata")),
      outputs: arrayOf(ref("V2TensorMetadata")),
      properties: answer<NonNullable<ModelMetadata["properties"]>>({ digest: text }),
    },
    ["properties"],
  ),
  V2TensorMetadata: answer<TensorMetadata>({ name: text, datatype, shape: { ...shape, description: "-1 = any." } }),
  V2ModelHealth: answer<{ name: string; ready: boolean }>({ name: text, ready: boolean }),
  V2Error: answer<{ error: string }>({ error: text }),
};

const unknownModel = "The server has another model.";
const inferRefusals = errors("V2Error", {
  400: "A field is wrong, or a text is too long for the model.",
  404: unknownModel,
  429: "Too many requests.",
  500: "A bug.",
});
const generateRefusals = errors("V2Error", {
  404: unknownModel,
  422: "A field is wrong, or the text is too long for the model.",
  424: "The generation failed.",
  429: "Too many requests.",
});

const question = (operationId: string, summary: string, description: string, schema: string): Operation => ({
  operationId,
  summary,
  description,
  responses: { 200: json("The answer.", ref(schema)) },
});

/** No key is asked for. */
function probe(asked: Operation): Operation {
  return { ...asked, security: [] };
}

/** @param schema also that of "not ready". */
function readiness(asked: Operation, schema: string): Operation {
  const notReady = json("Not now, or the server is shutting down.", { anyOf: [ref(schema), ref("V2Error")] });
  return { ...asked, responses: { ...asked.responses, 503: notReady } };
}

function ofModel(asked: Operation): Operation {
  return { ...asked, responses: { ...asked.responses, ...errors("V2Error", { 404: unknownModel }) } };
}

const live = question("v2Live", "Whether the server is alive", "A probe.", "V2ServerHealth");
const ready = question("v2Ready", "Whether the server takes requests", "A probe.", "V2ServerHealth");

const serverPaths: Record<string, PathItem> = {
  "/v2": { get: question("v2Server", "Describes the server", "Its name, version and extensions.", "V2ServerMetadata") },
  "/v2/health/live": { get: probe(live) },
  "/v2/health/ready": { get: readiness(probe(ready), "V2ServerHealth") },
  "/v2/models": { get: question("v2Models", "Lists the served model", "One server has one model.", "V2ModelList") },
};

const metadata: PathItem = {
  get: ofModel(question("v2Model", "Describes the model", "The tensors that it takes and gives.", "V2ModelMetadata")),
};

const modelReady: PathItem = {
  get: readiness(
    ofModel(question("v2ModelReady", "Whether the model takes requests", "As the server.", "V2ModelHealth")),
    "V2ModelHealth",
  ),
};

const infer: PathItem = {
  post: {
    operationId: "v2Infer",
    summary: "Completes texts, as tensors",
    description:
      "One BYTES tensor of any name; each element is a prompt. `outputs` chooses what comes back. Its `parameters` " +
      "are those of `generate`.",
    requestBody: jsonBody(ref("V2InferRequest"), {
      inputs: [{ name: "text_input", datatype: "BYTES", shape: [2], data: ["In the beginning", "It was"] }],
      parameters: { max_tokens: 16, temperature: 0 },
    }),
    responses: { 200: json("One element for each prompt.", ref("V2InferResult")), ...inferRefusals },
  },
};

const generateBody = jsonBody(ref("V2GenerateRequest"), {
  text_input: "In the beginning",
  parameters: { max_tokens: 16, temperature: 0 },
});

const generate = {
  post: {
    operationId: "v2Generate",
    summary: "Completes a text",
    description: "KServe's extension. `temperature` 0 always takes the most likely token; `details` lists the tokens.",
    requestBody: generateBody,
    responses: { 200: json("The text.", ref("V2GenerateResult")), ...generateRefusals },
  },
};

const generateStream = {
  post: {
    operationId: "v2GenerateStream",
    summary: "Completes a text, token by token",
    description: "KServe's extension. Server-sent events: each has what is new.",
    requestBody: generateBody,
    responses: { 200: events("The data of each event.", "V2GeneratePart", "V2Error"), ...generateRefusals },
  },
};

export function openInferenceSection(modelId: string): Section {
  const named = [pathParameter("name", "The model's id.", modelId)];
  const versioned = [...named, pathParameter("version", "Any: models have no versions.", "1")];
  return {
    name: "Open Inference",
    description: "The Open Inference Protocol v2, KServe's, with its extension for text generation.",
    paths: {
      ...serverPaths,
      ...below("/v2/models/{name}", named, { "": metadata, "/ready": modelReady, "/infer": infer }),
      ...below("/v2/models/{name}", named, { "/generate": generate, "/generate_stream": generateStream }),
      ...below("/v2/models/{name}/versions/{version}", versioned, {
        "": { get: refused("v2ModelVersion") },
        "/ready": { get: refused("v2ModelVersionReady") },
        "/infer": { post: refused("v2VersionInfer") },
        "/generate": { post: echoed("v2VersionGenerate", generate.post) },
        "/generate_stream": { post: echoed("v2VersionGenerateStream", generateStream.post) },
      }),
    },
    schemas,
    refusal: "V2Error",
  };
}

function below(
  base: string,
  parameters: readonly Parameter[],
  items: Readonly<Record<string, PathItem>>,
): Record<string, PathItem> {
  return Object.fromEntries(Object.entries(items).map(([path, item]) => [base + path, { parameters, ...item }]));
}

function pathParameter(name: string, description: string, example: string): Parameter {
  return { name, in: "path", required: true, description, schema: text, example };
}

function refused(operationId: string): Operation {
  return {
    operationId,
    summary: "Refused: models have no versions",
    description: "Ask without a version.",
    responses: errors("V2Error", { 404: unknownModel, 501: "Models have no versions." }),
  };
}

function echoed(operationId: string, asked: Operation): Operation {
  return { ...asked, operationId, summary: `${asked.summary}; the answer names the version` };
}
