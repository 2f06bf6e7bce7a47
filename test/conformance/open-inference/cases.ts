/** Calls of the Open Inference Protocol v2 over both wires, and of its extension for generation. */
import { jsonCases, type JsonRow } from "../http/json-cases.js";
import type { Case } from "../table.js";
import { judgeRpc, type RpcRow } from "./grpc.js";
import { inferCases, type InferRow } from "./infer.js";
import { restForm } from "./rest.js";

export type OpenInferenceRow = InferRow | JsonRow | RpcRow;

export function openInferenceCases(rows: readonly OpenInferenceRow[]): Case[] {
  return rows.flatMap((row) => {
    if ("infer" in row) return inferCases(row);
    if ("path" in row) return jsonCases([row], restForm);
    return [{ name: row.name, judge: async (clients) => judgeRpc(clients, row) }];
  });
}
