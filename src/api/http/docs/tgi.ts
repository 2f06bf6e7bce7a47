/** The API of Hugging Face's text-generation-inference. */
import type { Token } from "../text-model.js";
import type { ErrorBody } from "../tgi/errors.js";
import { generateSchema } from "../tgi/generate-body.js";
import type { Info } from "../tgi/info.js";
import type { GenerateResult, PrefillToken, StreamDetails, StreamEvent } from "../tgi/results.js";
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

const logprob = { type: ["number", "null"], description: "`null` for the first token of a prompt." };

/** Of a whole generation; `seed` is `null` when greedy. */
const details = {
  finish_reason: oneOf("length", "eos_token", "stop_sequence"),
  generated_tokens: count,
  seed: orNull(count),
};

const schemas = {
  TgiGenerateRequest: generateSchema,
  TgiGenerateResult: answer<GenerateResult>({ generated_text: text, details: ref("TgiDetails") }, ["details"]),
  TgiDetails: answer<NonNullable<GenerateResult["details"]>>(
    {
      ...details,
      prefill: { ...arrayOf(ref("TgiPrefillToken")), description: "The prompt's, with `decoder_input_details`." },
      tokens: arrayOf(ref("TextToken")),
      top_tokens: arrayOf(arrayOf(ref("TextToken"))),
    },
    ["top_tokens"],
  ),
  TgiStreamEvent: answer<StreamEvent>(
    {
      index: { ...count, description: "Counted from 1." },
      token: ref("TextToken"),
      top_tokens: arrayOf(ref("TextToken")),
      generated_text: { ...orNull(text), description: "The whole text, with the last token." },
      details: refOrNull("TgiStreamDetails"),
    },
    ["top_tokens"],
  ),
  TgiStreamDetails: answer<StreamDetails>({ ...details, input_length: count }),
  TextToken: answer<Token>({ id: count, text, logprob, special: { type: "boolean" } }),
  TgiPrefillToken: answer<PrefillToken>({ id: count, text, logprob }),
  TgiInfo: answer<Info>({
    model_id: text,
    model_sha: { type: "null" },
    model_dtype: text,
    model_device_type: text,
    model_pipeline_tag: text,
    max_concurrent_requests: count,
    max_best_of: count,
    max_stop_sequences: count,
    max_input_tokens: { ...count, description: "The longest prompt." },
    max_total_tokens: { ...count, description: "Prompt and completion together." },
    max_client_batch_size: count,
    router: text,
    version: text,
  }),
  TgiError: answer<ErrorBody>({
    error: text,
    error_type: oneOf("validation", "overloaded", "generation", "unhealthy", "authentication"),
  }),
};

const refusals = errors("TgiError", {
  422: "A field is wrong, or the prompt is too long for the model.",
  424: "The generation failed.",
  429: "Too many requests.",
});

const body = jsonBody(ref("TgiGenerateRequest"), {
  inputs: "In the beginning",
  parameters: { max_new_tokens: 20, details: true },
});

const streamed = events("The data of each event.", "TgiStreamEvent", "TgiError");

const generate: PathItem = {
  post: {
    operationId: "tgiGenerate",
    summary: "Generates text",
    description:
      "`max_new_tokens` is 100 when not given. Sampling is on with `do_sample`, or with any parameter that only " +
      "sampling has. `details` lists the tokens.",
    requestBody: body,
    responses: { 200: json("The text.", ref("TgiGenerateResult")), ...refusals },
  },
};

const generateStream: PathItem = {
  post: {
    operationId: "tgiGenerateStream",
    summary: "Generates text, token by token",
    description: "Server-sent events, one for each token. The last one has the whole text.",
    requestBody: body,
    responses: { 200: streamed, ...refusals },
  },
};

const compatible: PathItem = {
  post: {
    operationId: "tgiGenerateOrStream",
    summary: "Generates text, streamed if the body says so",
    description: "As `/generate`, in a list; with `stream` in the body, as `/generate_stream`.",
    requestBody: body,
    responses: {
      200: jsonOrEvents(
        "A list with the text, or the data of each event.",
        json("A list with the text.", arrayOf(ref("TgiGenerateResult"))),
        streamed,
      ),
      ...refusals,
    },
  },
};

const info: PathItem = {
  get: {
    operationId: "tgiInfo",
    summary: "Describes the served model and its limits",
    description: "What clients may want to know before they ask.",
    responses: { 200: json("The model and its limits.", ref("TgiInfo")) },
  },
};

export const tgiSection: Section = {
  name: "TGI",
  description: "What clients of Hugging Face's text-generation-inference speak.",
  paths: { "/generate": generate, "/generate_stream": generateStream, "/": compatible, "/info": info },
  schemas,
  refusal: "TgiError",
};
