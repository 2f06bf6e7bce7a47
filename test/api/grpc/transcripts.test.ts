import { fromBinary, isFieldSet, toJson, type DescMessage } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  type FieldDescriptorProto,
} from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as runtime from "../../../src/api/grpc/generated/caikit_data_model/common/runtime_pb.js";
import * as nlp from "../../../src/api/grpc/generated/caikit_data_model/nlp_pb.js";
import { ServerReflectionResponseSchema } from "../../../src/api/grpc/generated/grpc/reflection/v1alpha/reflection_pb.js";
import {
  finish,
  nextMessage,
  only,
  startTestServer,
  testServerGenerates,
  type RawAnswer,
  type TestServer,
} from "../../support/grpc.js";
import { asRecorded, fold, readRows, snapLogprobs, without, type Field, type Json, type Row } from "./transcripts.js";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

/** Answers in these words need no engine. */
const beforeEngine =
  /^(value check failed: |sampling parameters |Value out of range: |cannot convert float |Missing required |Method not |Exception deserializing )/;
const needsEngine = ({ api, response }: Row): boolean =>
  api !== "grpc-info" && !beforeEngine.test(response.details ?? "");
const rows = readRows().filter((row) => testServerGenerates || !needsEngine(row));

/** Rows with their names in front, for the names of the tests. */
function named(selected: readonly Row[]): [string, Row][] {
  return selected.map((row) => [row.name, row]);
}

async function replay({ request }: Row): Promise<RawAnswer> {
  const bytes = Buffer.from(request.bytes, "hex");
  if (request.method.includes("ServerReflection")) return server.client.callMany(request.method, [bytes]);
  return server.client.call(request.method, bytes, request.metadata);
}

function json(schema: DescMessage, bytes: Uint8Array): Json {
  return asRecorded(toJson(schema, fromBinary(schema, bytes), { useProtoFieldName: true })) as Json;
}

// First, as in the recording: later rows use other ids, which the models' list then has.
const infoSchemas = new Map<string, DescMessage>([
  ["GetRuntimeInfo", runtime.RuntimeInfoResponseSchema],
  ["GetModelsInfo", runtime.ModelInfoResponseSchema],
]);
const maskedRows = rows.filter(({ compare }) => compare === "masked");
test.each(named(maskedRows))("%s: same message, apart from what is masked", async (_, row) => {
  const { masked = [], request, response } = row;
  const schema = infoSchemas.get(request.method.split("/").at(-1) ?? "");
  const answer = await replay(row);
  expect(answer).toMatchObject({ code: response.code_number, details: response.details });
  const fresh = schema === undefined ? undefined : json(schema, answer.messages[0] ?? Buffer.of());
  expect(without(fresh, masked)).toEqual(without(response.message, masked));
});

const oneAtATime = rows.filter(
  (row) => row.compare === "exact" && !row.first_messages_only && !row.response.error_response,
);
test.each(named(oneAtATime))("%s: same status, same bytes", async (_, row) => {
  const { response } = row;
  const answer = await replay(row);
  expect({ code: answer.code, details: answer.details }).toEqual({
    code: response.code_number,
    details: response.details,
  });
  const recorded = response.bytes ?? response.first_bytes;
  expect(answer.messages.map((message) => message.toString("hex"))).toEqual(recorded == null ? [] : [recorded]);
  expect(answer.trailers).toEqual({});
});

const firstOnly = rows.filter(({ first_messages_only }) => first_messages_only);
test.each(named(firstOnly))("%s: same bytes, and the call stays open", async (_, { request, response }) => {
  const call = server.client.start(request.method, Buffer.from(request.bytes, "hex"), request.metadata);
  expect((await nextMessage(call)).toString("hex")).toBe(response.first_bytes);
  call.cancel();
  expect(await finish(call)).toMatchObject({ code: status.CANCELLED });
});

const numeric = rows.filter(({ compare }) => compare === "numeric");
test.each(named(numeric))("%s: same message, logprobs within 1e-4", async (_, row) => {
  const answer = await replay(row);
  expect(answer).toMatchObject({ code: status.OK, details: "" });
  const recorded = json(nlp.GeneratedTextResultSchema, Buffer.from(row.response.bytes ?? "", "hex"));
  const [message = Buffer.of()] = answer.messages;
  expect(snapLogprobs(json(nlp.GeneratedTextResultSchema, message), recorded)).toEqual(recorded);
});

const folded = rows.filter(({ compare }) => compare === "folded");
test.each(named(folded))("%s: joins to the same, in the same form", async (_, row) => {
  const { masked = [], request, response } = row;
  const answer = await replay(row);
  expect(answer).toMatchObject({ code: status.OK, details: "" });
  const messages = answer.messages.map((message) => json(nlp.GeneratedTextStreamResultSchema, message));
  const heads = request.message?.["input_tokens"] === true ? 2 : 1;
  const comparable = (value: unknown): unknown => without(value, masked);
  const recordedHeads = comparable(response.messages?.slice(0, heads));
  expect(snapLogprobs(comparable(messages.slice(0, heads)), recordedHeads)).toEqual(recordedHeads);
  const recorded = comparable(response.folded);
  expect(snapLogprobs(comparable(fold(messages)), recorded)).toEqual(recorded);
  expect(formFaults(messages.slice(heads), request.message?.["generated_tokens"] === true)).toEqual([]);
});

/** Which rules of a stream's form the messages behind the first ones break. */
function formFaults(messages: readonly Json[], listsTokens: boolean): string[] {
  const details = messages.map((message) => message["details"] as Json);
  const counts = details.map((each) => Number(each["generated_tokens"] ?? 0));
  const early = details.slice(0, -1);
  const tokens = messages.map((message) => ((message["tokens"] ?? []) as unknown[]).length);
  const rules: [string, boolean][] = [
    ["counts rise strictly", counts.every((count, index) => index === 0 || count > (counts[index - 1] ?? 0))],
    ["finish_reason only in the last", early.every((each) => !("finish_reason" in each))],
    ["seed only in the first and the last", early.every((each) => !("seed" in each))],
    ["one message for each listed token", tokens.every((count) => count === (listsTokens ? 1 : 0))],
  ];
  return rules.filter(([, holds]) => !holds).map(([rule]) => rule);
}

const timeLimited = rows.filter(({ compare }) => compare === "time-limit");
test.each(named(timeLimited))("%s: ends early for the time", async (_, row) => {
  const answer = await replay(row);
  const last = answer.messages.at(-1) ?? Buffer.of();
  const { finish_reason, generated_tokens } =
    row.api === "grpc-stream"
      ? (json(nlp.GeneratedTextStreamResultSchema, last)["details"] as Json)
      : json(nlp.GeneratedTextResultSchema, last);
  expect({ code: answer.code, finish_reason }).toEqual({ code: status.OK, finish_reason: "TIME_LIMIT" });
  expect(generated_tokens).toBeGreaterThanOrEqual(1);
  expect(generated_tokens).toBeLessThan(64);
});

const backendDefined = rows.filter(({ compare }) => compare === "backend-defined");
test.each(named(backendDefined))("%s: is answered, and no bug", async (_, row) => {
  expect((await replay(row)).code).not.toBe(status.INTERNAL);
});

const unknownSymbol = rows.filter(({ response }) => response.error_response);
test.each(named(unknownSymbol))("%s: same error response", async (_, row) => {
  const { messageResponse } = only(ServerReflectionResponseSchema, await replay(row));
  const { error_code: errorCode, error_message: errorMessage } = row.response.error_response ?? {};
  expect(messageResponse).toMatchObject({ case: "errorResponse", value: { errorCode, errorMessage } });
});

const must = ["caikit.runtime.Nlp.NlpService", "grpc.reflection.v1alpha.ServerReflection"];
const should = ["caikit.runtime.info.InfoService", "mmesh.ModelRuntime"];
test.each(named(rows.filter(({ compare }) => compare === "superset")))(
  "%s: lists what the contract has",
  async (_, row) => {
    const { messageResponse } = only(ServerReflectionResponseSchema, await replay(row));
    expect(messageResponse.case).toBe("listServicesResponse");
    expect(row.response.services).toEqual(expect.arrayContaining([...must, ...should]));
    const listed = (messageResponse.value as { service: { name: string }[] }).service.map(({ name }) => name);
    expect(listed).toEqual(expect.arrayContaining([...must, ...should]));
  },
);

test.each(named(rows.filter(({ compare }) => compare === "fields")))("%s: same fields", async (_, row) => {
  const symbol = row.name.split(" ").at(-1) ?? "";
  const { messageResponse } = only(ServerReflectionResponseSchema, await replay(row));
  const files = (messageResponse.value as { fileDescriptorProto: Uint8Array[] }).fileDescriptorProto.map((file) =>
    fromBinary(FileDescriptorProtoSchema, file),
  );
  const messages = files.flatMap((file) =>
    file.messageType.map((message) => ({ name: `${file.package}.${message.name}`, message })),
  );
  const fields = messages.find(({ name }) => name === symbol)?.message.field.map(toField);
  expect(fields).toEqual(row.response.fields?.map(comparableField));
});

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
