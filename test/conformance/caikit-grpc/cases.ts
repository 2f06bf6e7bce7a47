/** Calls of Caikit's gRPC services, made without our generated types. */
import { differences } from "../compare.js";
import { decodeMessage, encodeMessage } from "../grpc/wire.js";
import { keeping, type Json } from "../json.js";
import type { Case, Clients } from "../table.js";
import { caikitMessages } from "./fields.js";
import { joinStream } from "./stream.js";

const nlp = "/caikit.runtime.Nlp.NlpService";
const methods = {
  TextGenerationTaskPredict: [nlp, "TextGenerationTaskRequest", "GeneratedTextResult"],
  ServerStreamingTextGenerationTaskPredict: [nlp, "TextGenerationTaskRequest", "GeneratedTextStreamResult"],
  TokenizationTaskPredict: [nlp, "TokenizationTaskRequest", "TokenizationResults"],
  NopePredict: [nlp, "TextGenerationTaskRequest", "Empty"],
  GetModelsInfo: ["/caikit.runtime.info.InfoService", "ModelInfoRequest", "Empty"],
  runtimeStatus: ["/mmesh.ModelRuntime", "Empty", "RuntimeStatusResponse"],
  loadModel: ["/mmesh.ModelRuntime", "LoadModelRequest", "LoadModelResponse"],
  modelSize: ["/mmesh.ModelRuntime", "ModelSizeRequest", "Empty"],
  predictModelSize: ["/mmesh.ModelRuntime", "LoadModelRequest", "Empty"],
  unloadModel: ["/mmesh.ModelRuntime", "UnloadModelRequest", "Empty"],
  Check: ["/grpc.health.v1.Health", "HealthCheckRequest", "HealthCheckResponse"],
} as const;

/** A call and what it must give: either a response or an error. */
export interface CaikitGrpcRow {
  readonly name: string;
  /** Absent = TextGenerationTaskPredict. */
  readonly method?: keyof typeof methods;
  /** Names and values in their order; absent = the model id. */
  readonly metadata?: readonly (readonly [name: string, value: string])[];
  readonly request?: Json;
  /** Bytes to send instead of `request`, in hex. */
  readonly bytes?: string;
  readonly response?: Json;
  readonly error?: { readonly code: string; readonly message: string };
  /** The fields of the response that are compared; absent = all. */
  readonly only?: readonly string[];
}

const modelId = [["mm-model-id", "micro-gpt2"]] as const;
const producer = { name: "Text Generation", version: "0.1.0" };

/** Each row as it stands; a generation as a stream besides. */
export function caikitGrpcCases(rows: readonly CaikitGrpcRow[]): Case[] {
  return rows.flatMap((row) => {
    const { method = "TextGenerationTaskPredict" } = row;
    const asItStands = { name: row.name, judge: async (clients: Clients) => judge(clients, row, method) };
    if (method !== "TextGenerationTaskPredict") return [asItStands];
    const streamed = "ServerStreamingTextGenerationTaskPredict";
    const judgeStreamed = async (clients: Clients): Promise<string[]> => judge(clients, row, streamed);
    return [asItStands, { name: `${row.name} (streamed)`, judge: judgeStreamed }];
  });
}

async function judge({ grpc }: Clients, row: CaikitGrpcRow, method: keyof typeof methods): Promise<string[]> {
  const { request = {}, bytes, metadata = modelId, error } = row;
  const [service, requestType, responseType] = methods[method];
  const sent = bytes === undefined ? encodeMessage(caikitMessages, requestType, request) : Buffer.from(bytes, "hex");
  const { code, message, responses } = await grpc.call(`${service}/${method}`, sent, metadata);
  if (error !== undefined) return differences({ code, message, responses }, { ...error, responses: [] });
  if (code !== "OK") return [`${code}: ${message}`];
  const messages = responses.map((each) => decodeMessage(caikitMessages, responseType, each));
  if (method === "ServerStreamingTextGenerationTaskPredict") return judgeStream(messages, row);
  const whole = isGeneration(row) ? { ...row.response, producer_id: producer } : row.response;
  return differences(
    messages.map((each) => keeping(each, row.only)),
    [keeping(whole ?? {}, row.only)],
  );
}

function judgeStream(messages: readonly Json[], { request = {}, response: expected, only }: CaikitGrpcRow): string[] {
  const { response, faults } = joinStream(messages, request);
  return [...faults, ...differences(keeping(response as Json, only), keeping(expected ?? {}, only))];
}

function isGeneration({ method = "TextGenerationTaskPredict" }: CaikitGrpcRow): boolean {
  return method === "TextGenerationTaskPredict";
}
