/** All tables, by the names of their files. */
import { caikitGrpcCases } from "./caikit-grpc/cases.js";
import { caikitRestCases } from "./caikit-rest/cases.js";
import { openInferenceCases } from "./open-inference/cases.js";
import { chatCases } from "./openai/chat-cases.js";
import { openAiCases } from "./openai/cases.js";
import { readRows, type Table } from "./table.js";
import { tgiCases } from "./tgi/cases.js";
import { tgisCases } from "./tgis/cases.js";

export function readTables(): Table[] {
  return [
    { name: "tgis", cases: tgisCases(readRows("tgis")) },
    { name: "caikit-grpc", cases: caikitGrpcCases(readRows("caikit-grpc")) },
    { name: "caikit-rest", cases: caikitRestCases(readRows("caikit-rest")) },
    { name: "openai", cases: openAiCases(readRows("openai")) },
    { name: "openai-chat", cases: chatCases(readRows("openai-chat")) },
    { name: "tgi", cases: tgiCases(readRows("tgi")) },
    { name: "open-inference", cases: openInferenceCases(readRows("open-inference")) },
  ];
}
