/** The gRPC APIs, made without our generated types. */
import { joinStream as joinCaikitStream } from "../caikit-grpc/stream.js";
import { caikitMessages } from "../caikit-grpc/fields.js";
import { decodeMessage, encodeMessage, type Messages } from "../grpc/wire.js";
import { withoutUndefined, type Json } from "../json.js";
import { inferenceMessages } from "../open-inference/fields.js";
import type { Clients } from "../table.js";
import { tgisMessages } from "../tgis/fields.js";
import { joinStream as joinTgisStream } from "../tgis/stream.js";
import type { Answer, Asked, Asker } from "./asker.js";

export const grpcAskers: readonly Asker[] = [
  {
    name: "TGIS",
    ask: async (clients, asked) => {
      const request = { requests: [{ text: asked.prompt }], params: tgisParameters(asked) };
      const method = tgisMethod("Generate", "BatchedGenerationRequest", "BatchedGenerationResponse");
      const [message] = await call(clients, method, request);
      return ofTgis((message?.["responses"] as Json[])[0] ?? {});
    },
  },
  {
    name: "TGIS, streamed",
    ask: async (clients, asked) => {
      const request = { request: { text: asked.prompt }, params: tgisParameters(asked) };
      const method = tgisMethod("GenerateStream", "SingleGenerationRequest", "GenerationResponse");
      return ofTgis(joinTgisStream(await call(clients, method, request), request.params).response as Json);
    },
  },
  {
    name: "Caikit gRPC",
    ask: async (clients, asked) => {
      const [message = {}] = await call(clients, caikitMethod("Text", "GeneratedTextResult"), caikitRequest(asked));
      return ofCaikit(message);
    },
  },
  {
    name: "Caikit gRPC, streamed",
    ask: async (clients, asked) => {
      const request = caikitRequest(asked);
      const method = caikitMethod("ServerStreamingText", "GeneratedTextStreamResult");
      return ofCaikit(joinCaikitStream(await call(clients, method, request), request).response as Json);
    },
  },
  { name: "Open Inference gRPC", ask: askInference },
];

interface Method {
  readonly path: string;
  readonly messages: Messages;
  readonly request: string;
  readonly response: string;
}

async function call({ grpc }: Clients, method: Method, request: Json): Promise<Json[]> {
  const { path, messages } = method;
  const bytes = encodeMessage(messages, method.request, request);
  const { code, message, responses } = await grpc.call(path, bytes, [["mm-model-id", "any"]]);
  if (code !== "OK") throw new Error(`${path}: ${code}: ${message}`);
  return responses.map((response) => decodeMessage(messages, method.response, response));
}

function tgisMethod(name: string, request: string, response: string): Method {
  return { path: `/fmaas.GenerationService/${name}`, messages: tgisMessages, request, response };
}

function tgisParameters({ maxTokens, sampling }: Asked): Json {
  const stopping = { max_new_tokens: maxTokens };
  if (sampling === undefined) return { stopping };
  const { temperature, topK, topP, typicalP, seed, repetitionPenalty } = sampling;
  return {
    method: "SAMPLE",
    sampling: withoutUndefined({ temperature, top_k: topK, top_p: topP, typical_p: typicalP, seed }),
    stopping,
    decoding: withoutUndefined({ repetition_penalty: repetitionPenalty }),
  };
}

function ofTgis(response: Json): Answer {
  return {
    text: String(response["text"]),
    promptTokens: Number(response["input_token_count"]),
    completionTokens: Number(response["generated_token_count"]),
  };
}

function caikitMethod(prefix: string, response: string): Method {
  const path = `/caikit.runtime.Nlp.NlpService/${prefix}GenerationTaskPredict`;
  return { path, messages: caikitMessages, request: "TextGenerationTaskRequest", response };
}

function caikitRequest(asked: Asked): Json {
  return { text: asked.prompt, ...caikitParameters(asked) };
}

/** For both of Caikit's APIs. */
export function caikitParameters({ maxTokens, sampling }: Asked): Json {
  return withoutUndefined({
    max_new_tokens: maxTokens,
    decoding_method: sampling && "SAMPLING",
    temperature: sampling?.temperature,
    top_p: sampling?.topP,
    top_k: sampling?.topK,
    typical_p: sampling?.typicalP,
    repetition_penalty: sampling?.repetitionPenalty,
    seed: sampling?.seed,
  });
}

/** Of both of Caikit's APIs. */
export function ofCaikit(response: Json): Answer {
  return {
    text: String(response["generated_text"]),
    promptTokens: Number(response["input_token_count"]),
    completionTokens: Number(response["generated_tokens"]),
  };
}

async function askInference(clients: Clients, asked: Asked): Promise<Answer> {
  const parameters = Object.entries(inferenceParameters(asked)).map(([name, value]) => [name, { double_param: value }]);
  const contents = { bytes_contents: [asked.prompt] };
  const request = {
    model_name: "micro-gpt2",
    parameters: Object.fromEntries(parameters) as Json,
    inputs: [{ name: "text_input", datatype: "BYTES", shape: ["1"], contents }],
    outputs: [{ name: "text_output" }, { name: "prompt_tokens" }, { name: "completion_tokens" }],
  };
  const path = "/inference.GRPCInferenceService/ModelInfer";
  const method = { path, messages: inferenceMessages, request: "ModelInferRequest", response: "ModelInferResponse" };
  const [message] = await call(clients, method, request);
  const [text, promptTokens, completionTokens] = (message?.["outputs"] as Json[]).map(({ contents: told }) => {
    return Object.values(told as Record<string, unknown[]>)[0]?.[0];
  });
  return { text: String(text), promptTokens: Number(promptTokens), completionTokens: Number(completionTokens) };
}

/** For the Open Inference Protocol over both wires. */
export function inferenceParameters({ maxTokens, sampling }: Asked): Json {
  return withoutUndefined({
    max_tokens: maxTokens,
    temperature: sampling?.temperature ?? 0,
    top_p: sampling?.topP,
    top_k: sampling?.topK,
    typical_p: sampling?.typicalP,
    repetition_penalty: sampling?.repetitionPenalty,
    seed: sampling?.seed,
  });
}
