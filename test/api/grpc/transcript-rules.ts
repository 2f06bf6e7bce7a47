/** How an answer is compared with the recorded one; the rules are those in the head of the recording. */
import { fromBinary, isFieldSet, toJson, type DescMessage } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  type FieldDescriptorProto,
} from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import { expect } from "vitest";
import * as runtime from "../../../src/api/grpc/generated/caikit_data_model/common/runtime_pb.js";
import * as nlp from "../../../src/api/grpc/generated/caikit_data_model/nlp_pb.js";
import { ServerReflectionResponseSchema } from "../../../src/api/grpc/generated/grpc/reflection/v1alpha/reflection_pb.js";
import { only, type RawAnswer } from "../../support/grpc.js";
import { asRecorded, fold, snapLogprobs, without, type Field, type Json, type Row } from "./transcripts.js";

type Rule = (row: Row, answer: RawAnswer) => void;

const rules: Readonly<Record<string, Rule>> = {
  exact: expectSameBytes,
  numeric: expectSameMessage,
  folded: expectSameFold,
  masked: expectSameBesidesMasked,
  "time-limit": expectTimeLimit,
  "backend-defined": expectNoBug,
  superset: expectServices,
  fields: expectSameFields,
};

/** Fails when the answer breaks the row's rule. */
export function expectAsRecorded(row: Row, answer: RawAnswer): void {
  const rule = row.response.error_response === undefined ? rules[row.compare] : expectSameErrorResponse;
  if (rule === undefined) throw new Error(`no rule for ${row.compare}`);
  rule(row, answer);
}

/** Whether the same request has to have the same bytes every time: no seed is drawn, and no clock decides. */
export function isRepeatable({ compare, masked = [] }: Row): boolean {
  return compare !== "time-limit" && !masked.includes("seed");
}

function expectSameBytes({ response, first_messages_only: onlyFirst }: Row, answer: RawAnswer): void {
  const recorded = response.bytes ?? response.first_bytes;
  expect(answer).toEqual({
    code: onlyFirst === undefined ? response.code_number : status.CANCELLED, // by `replay`, while the call was open
    details: response.details ?? answer.details,
    messages: recorded == null ? [] : [Buffer.from(recorded, "hex")],
    trailers: {},
  });
}

function expectSameMessage({ response }: Row, answer: RawAnswer): void {
  expect(answer).toMatchObject({ code: status.OK, details: "", trailers: {} });
  const recorded = json(nlp.GeneratedTextResultSchema, Buffer.from(response.bytes ?? "", "hex"));
  const message = json(nlp.GeneratedTextResultSchema, answer.messages[0]);
  expect(snapLogprobs(message, recorded)).toEqual(recorded);
}

function expectSameFold({ masked = [], request, response }: Row, answer: RawAnswer): void {
  expect(answer).toMatchObject({ code: status.OK, details: "", trailers: {} });
  const messages = answer.messages.map((message) => json(nlp.GeneratedTextStreamResultSchema, message));
  const heads = request.message?.["input_tokens"] === true ? 2 : 1;
  const comparable = (value: unknown): unknown => without(value, masked);
  const recordedHeads = comparable(response.messages?.slice(0, heads));
  expect(snapLogprobs(comparable(messages.slice(0, heads)), recordedHeads)).toEqual(recordedHeads);
  const recorded = comparable(response.folded);
  expect(snapLogprobs(comparable(fold(messages)), recorded)).toEqual(recorded);
  expect(formFaults(messages.slice(heads), request.message?.["generated_tokens"] === true)).toEqual([]);
}

/** Which rules of a stream's form the messages behind the first ones break. */
function formFaults(messages: readonly Json[], listsTokens: boolean): string[] {
  const details = messages.map((message) => message["details"] as Json);
  const counts = details.map((each) => Number(each["generated_tokens"] ?? 0));
  const early = details.slice(0, -1);
  const tokens = messages.map((message) => ((message["tokens"] ?? []) as unknown[]).length);
  const forms: [string, boolean][] = [
    ["counts rise strictly", counts.every((count, index) => index === 0 || count > (counts[index - 1] ?? 0))],
    ["finish_reason only in the last", early.every((each) => !("finish_reason" in each))],
    ["seed only in the first and the last", early.every((each) => !("seed" in each))],
    ["one message for each listed token", tokens.every((count) => count === (listsTokens ? 1 : 0))],
  ];
  return forms.filter(([, holds]) => !holds).map(([form]) => form);
}

function expectSameBesidesMasked({ masked = [], request, response }: Row, answer: RawAnswer): void {
  const isRuntime = request.method.endsWith("GetRuntimeInfo");
  const schema = isRuntime ? runtime.RuntimeInfoResponseSchema : runtime.ModelInfoResponseSchema;
  expect(answer).toMatchObject({ code: response.code_number, details: response.details });
  expect(without(json(schema, answer.messages[0]), masked)).toEqual(without(response.message, masked));
}

/** A request that waited for a slot until its time was over has no token, one that ran has at least one. */
function expectTimeLimit(row: Row, answer: RawAnswer): void {
  expect(answer).toMatchObject({ code: status.OK, details: "", trailers: {} });
  expect(ending(row, answer)).toMatchObject({ finish_reason: "TIME_LIMIT" });
  expect(generatedTokens(row, answer)).toBeLessThan(64);
}

/** The count of the whole answer. */
export function generatedTokens(row: Row, answer: RawAnswer): number {
  return Number(ending(row, answer)["generated_tokens"] ?? 0);
}

function ending({ api }: Row, { messages }: RawAnswer): Json {
  const last = messages.at(-1);
  if (api === "grpc-unary") return json(nlp.GeneratedTextResultSchema, last);
  return json(nlp.GeneratedTextStreamResultSchema, last)["details"] as Json;
}

function expectNoBug(_: Row, answer: RawAnswer): void {
  expect(answer.code).not.toBe(status.INTERNAL);
}

function expectSameErrorResponse({ response }: Row, answer: RawAnswer): void {
  const { messageResponse } = only(ServerReflectionResponseSchema, answer);
  const { error_code: errorCode, error_message: errorMessage } = response.error_response ?? {};
  expect(messageResponse).toMatchObject({ case: "errorResponse", value: { errorCode, errorMessage } });
}

const must = ["caikit.runtime.Nlp.NlpService", "grpc.reflection.v1alpha.ServerReflection"];
const should = ["caikit.runtime.info.InfoService", "mmesh.ModelRuntime"];

function expectServices({ response }: Row, answer: RawAnswer): void {
  const { messageResponse } = only(ServerReflectionResponseSchema, answer);
  expect(messageResponse.case).toBe("listServicesResponse");
  expect(response.services).toEqual(expect.arrayContaining([...must, ...should]));
  const listed = (messageResponse.value as { service: { name: string }[] }).service.map(({ name }) => name);
  expect(listed).toEqual(expect.arrayContaining([...must, ...should]));
}

function expectSameFields({ name, response }: Row, answer: RawAnswer): void {
  const symbol = name.split(" ").at(-1) ?? "";
  const { messageResponse } = only(ServerReflectionResponseSchema, answer);
  const files = (messageResponse.value as { fileDescriptorProto: Uint8Array[] }).fileDescriptorProto.map((file) =>
    fromBinary(FileDescriptorProtoSchema, file),
  );
  const messages = files.flatMap((file) =>
    file.messageType.map((message) => ({ name: `${file.package}.${message.name}`, message })),
  );
  const fields = messages.find((each) => each.name === symbol)?.message.field.map(toField);
  expect(fields).toEqual(response.fields?.map(comparableField));
}

function toField(field: FieldDescriptorProto): Json {
  return {
    name: field.name,
    number: field.number,
    label: `LABEL_${Label[field.label]}`,
    type: `TYPE_${Type[field.type]}`,
    type_name: field.typeName,
    has_presence_oneof: isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex),
    has_json_name: isFieldSet(field, FieldDescriptorProtoSchema.field.jsonName),
  };
}

function comparableField({ name, number, label, type, type_name, oneof, has_json_name }: Field): Json {
  return { name, number, label, type, type_name, has_presence_oneof: oneof !== null, has_json_name };
}

function json(schema: DescMessage, bytes: Uint8Array = new Uint8Array()): Json {
  return asRecorded(toJson(schema, fromBinary(schema, bytes), { useProtoFieldName: true })) as Json;
}
