/** Rows that are the same over REST and over gRPC, with the texts in the contents or raw. */
import { differences } from "../compare.js";
import { postOf } from "../http/client.js";
import type { Json } from "../json.js";
import type { Case, Clients } from "../table.js";
import { judgeRpc, type RpcRow } from "./grpc.js";

type Parameter = string | number | boolean;

/** An inference in short: one input, `text_input`. */
export interface InferRow {
  readonly name: string;
  readonly infer: {
    readonly texts: readonly string[];
    /** Absent = as many as there are texts. */
    readonly shape?: readonly number[];
    readonly id?: string;
    readonly parameters?: Readonly<Record<string, Parameter>>;
    /** Names; absent = all. */
    readonly outputs?: readonly string[];
  };
  /** What each output has, by its name. */
  readonly response?: Readonly<Record<string, readonly (string | number)[]>>;
  /** A refusal, in the same words by both wires. */
  readonly error?: string;
}

const model = "micro-gpt2";

/** Over REST, over gRPC, and over gRPC with raw contents. */
export function inferCases(row: InferRow): Case[] {
  const contents = contentsOf(row);
  return [
    { name: row.name, judge: async (clients) => judgeRest(clients, row) },
    { name: `${row.name} (gRPC)`, judge: async (clients) => judgeRpc(clients, toRpcRow(row, contents)) },
    { name: `${row.name} (gRPC, raw)`, judge: async (clients) => judgeRpc(clients, toRpcRow(row, rawOf(row))) },
  ];
}

async function judgeRest({ http }: Clients, { infer, response = {}, error }: InferRow): Promise<string[]> {
  const { texts, shape = [texts.length], id, parameters, outputs } = infer;
  const body = {
    ...(id !== undefined && { id }),
    ...(parameters && { parameters }),
    ...(outputs && { outputs: outputs.map((name) => ({ name })) }),
    inputs: [{ name: "text_input", datatype: "BYTES", shape, data: texts }],
  };
  const answer = await http.call(postOf(`/v2/models/${model}/infer`, body));
  const told = { status: answer.status, body: JSON.parse(answer.body) as unknown };
  if (error !== undefined) return differences(told, { status: 400, body: { error } });
  const expected = { ...(id !== undefined && { id }), model_name: model, outputs: tensorsOf(response) };
  return differences(told, { status: 200, body: expected });
}

function tensorsOf(response: NonNullable<InferRow["response"]>): Json[] {
  return Object.entries(response).map(([name, data]) => ({
    name,
    datatype: isText(data) ? "BYTES" : "UINT32",
    shape: [data.length],
    data,
  }));
}

function toRpcRow({ name, infer, response = {}, error }: InferRow, contents: Json): RpcRow {
  const { id, parameters = {}, outputs = [] } = infer;
  const request = {
    model_name: model,
    ...(id !== undefined && { id }),
    parameters: Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, toParameter(value)])),
    outputs: outputs.map((output) => ({ name: output })),
    ...contents,
  };
  const call = { name, rpc: "ModelInfer", request };
  if (error !== undefined) return { ...call, error: { code: "INVALID_ARGUMENT", message: error } };
  const tensors = tensorsOf(response).map(toTensorMessage);
  return { ...call, response: { ...(id !== undefined && { id }), model_name: model, outputs: tensors } };
}

function toTensorMessage({ name, datatype, shape, data }: Json): Json {
  const values = data as readonly (string | number)[];
  const contents = isText(values) ? { bytes_contents: values } : { uint_contents: values };
  return { name, datatype, shape: (shape as number[]).map(String), contents };
}

function contentsOf({ infer: { texts, shape = [texts.length] } }: InferRow): Json {
  return { inputs: [{ name: "text_input", datatype: "BYTES", shape, contents: { bytes_contents: texts } }] };
}

/** Each text behind the four bytes of its length. */
function rawOf({ infer: { texts, shape = [texts.length] } }: InferRow): Json {
  const elements = texts.map((text) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(text));
    return Buffer.concat([length, Buffer.from(text)]);
  });
  const raw = { hex: Buffer.concat(elements).toString("hex") };
  return { inputs: [{ name: "text_input", datatype: "BYTES", shape }], raw_input_contents: [raw] };
}

function toParameter(value: Parameter): Json {
  if (typeof value === "string") return { string_param: value };
  if (typeof value === "boolean") return { bool_param: value };
  return Number.isInteger(value) ? { int64_param: value } : { double_param: value };
}

function isText(data: readonly (string | number)[]): boolean {
  return typeof data[0] === "string";
}
