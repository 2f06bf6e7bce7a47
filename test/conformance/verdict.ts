import type { Answer, ConformanceClient } from "./client.js";
import { differences } from "./compare.js";
import type { Case, MethodName, Row } from "./rows.js";
import { joinStream } from "./stream.js";
import { tgisMessages } from "./tgis-fields.js";
import { decodeMessage, encodeMessage, type Json } from "./wire.js";

const methods = {
  Generate: ["BatchedGenerationRequest", "BatchedGenerationResponse"],
  GenerateStream: ["SingleGenerationRequest", "GenerationResponse"],
  Tokenize: ["BatchedTokenizeRequest", "BatchedTokenizeResponse"],
  ModelInfo: ["ModelInfoRequest", "ModelInfoResponse"],
} as const satisfies Record<MethodName, readonly [request: string, response: string]>;

/** Makes the call and says what is wrong with the answer; nothing when it is as the row has it. */
export async function judge(client: ConformanceClient, { method, request, row }: Case): Promise<string[]> {
  const [requestType, responseType] = methods[method];
  const path = `/fmaas.GenerationService/${method}`;
  const answer = await client.call(path, encodeMessage(tgisMessages, requestType, request));
  const responses = answer.responses.map((bytes) => decodeMessage(tgisMessages, responseType, bytes));
  if (row.error !== undefined) return differences({ ...told(answer), responses }, { ...row.error, responses: [] });
  if (answer.code !== "OK") return [`${answer.code}: ${answer.message}`];
  if (method === "GenerateStream") return judgeStream(responses, request, row);
  return differences(responses.map(keeping(row.only)), [row.response].map(keeping(row.only)));
}

function judgeStream(responses: readonly Json[], request: Json, row: Row): string[] {
  const { response, faults } = joinStream(responses, (request["params"] ?? {}) as Json);
  const joined = { responses: [response] };
  return [...faults, ...differences(keeping(row.only)(joined), keeping(row.only)(row.response))];
}

function told({ code, message }: Answer): Json {
  return { code, message };
}

/** A batched response whose responses have these fields only; absent = all. */
function keeping(names: readonly string[] | undefined): (response: Json | undefined) => Json | undefined {
  if (names === undefined) return (response) => response;
  return (response) => ({
    responses: ((response?.["responses"] ?? []) as Json[]).map((each) =>
      Object.fromEntries(Object.entries(each).filter(([name]) => names.includes(name))),
    ),
  });
}
