import { differences } from "../compare.js";
import { decodeMessage, encodeMessage } from "../grpc/wire.js";
import type { Json } from "../json.js";
import type { Clients } from "../table.js";
import { inferenceMessages } from "./fields.js";

/** A call of inference.GRPCInferenceService and what it must give: either a response or an error. */
export interface RpcRow {
  readonly name: string;
  readonly rpc: string;
  readonly request: Json;
  readonly response?: Json;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Makes the call and says what is wrong with the answer. */
export async function judgeRpc({ grpc }: Clients, { rpc, request, response, error }: RpcRow): Promise<string[]> {
  const bytes = encodeMessage(inferenceMessages, `${rpc}Request`, request);
  const { code, message, responses } = await grpc.call(`/inference.GRPCInferenceService/${rpc}`, bytes);
  if (error !== undefined) return differences({ code, message, responses }, { ...error, responses: [] });
  if (code !== "OK") return [`${code}: ${message}`];
  const messages = responses.map((each) => decodeMessage(inferenceMessages, `${rpc}Response`, each));
  return differences(messages, [response]);
}
