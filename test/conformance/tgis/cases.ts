/** Calls of fmaas.GenerationService, made without our generated types. */
import { differences } from "../compare.js";
import type { GrpcAnswer } from "../grpc/client.js";
import { decodeMessage, encodeMessage } from "../grpc/wire.js";
import { keeping, type Json } from "../json.js";
import type { Case, Clients } from "../table.js";
import { tgisMessages } from "./fields.js";
import { joinStream } from "./stream.js";

const methods = {
  Generate: ["BatchedGenerationRequest", "BatchedGenerationResponse"],
  GenerateStream: ["SingleGenerationRequest", "GenerationResponse"],
  Tokenize: ["BatchedTokenizeRequest", "BatchedTokenizeResponse"],
  ModelInfo: ["ModelInfoRequest", "ModelInfoResponse"],
} as const;

/** A call and what it must give: either a response or an error. */
export interface TgisRow {
  readonly name: string;
  readonly method: keyof typeof methods;
  readonly request: Json;
  readonly response?: Json;
  readonly error?: { readonly code: string; readonly message: string };
  /** The fields of each response that are compared; absent = all. */
  readonly only?: readonly string[];
}

/** Each row as it stands; a generation of one input as a stream besides. */
export function tgisCases(rows: readonly TgisRow[]): Case[] {
  return rows.flatMap((row) => {
    const asItStands = { name: row.name, judge: async (clients: Clients) => judge(clients, row) };
    const { requests, ...others } = row.request;
    if (row.method !== "Generate" || !Array.isArray(requests) || requests.length !== 1) return [asItStands];
    const request = { ...others, request: requests[0] as Json };
    const streamed: TgisRow = { ...row, name: `${row.name} (streamed)`, method: "GenerateStream", request };
    return [asItStands, { name: streamed.name, judge: async (clients: Clients) => judge(clients, streamed) }];
  });
}

async function judge({ grpc }: Clients, row: TgisRow): Promise<string[]> {
  const { method, request } = row;
  const [requestType, responseType] = methods[method];
  const path = `/fmaas.GenerationService/${method}`;
  const answer = await grpc.call(path, encodeMessage(tgisMessages, requestType, request));
  const responses = answer.responses.map((bytes) => decodeMessage(tgisMessages, responseType, bytes));
  if (row.error !== undefined) return differences({ ...told(answer), responses }, { ...row.error, responses: [] });
  if (answer.code !== "OK") return [`${answer.code}: ${answer.message}`];
  if (method === "GenerateStream") return judgeStream(responses, row);
  return differences(
    responses.map((each) => comparable(each, row)),
    [comparable(row.response ?? {}, row)],
  );
}

function judgeStream(responses: readonly Json[], row: TgisRow): string[] {
  const { response, faults } = joinStream(responses, (row.request["params"] ?? {}) as Json);
  return [...faults, ...differences(comparable({ responses: [response] }, row), comparable(row.response ?? {}, row))];
}

function told({ code, message }: GrpcAnswer): Json {
  return { code, message };
}

/** Of a batched response the fields that the row names. */
function comparable(response: Json, { only }: TgisRow): Json {
  if (only === undefined) return response;
  return { responses: ((response["responses"] ?? []) as Json[]).map((each) => keeping(each, only)) };
}
