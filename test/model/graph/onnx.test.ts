import { BinaryReader } from "@bufbuild/protobuf/wire";
import { expect, test } from "vitest";
import { serializeModel, type GraphDescription } from "../../../src/model/graph/onnx.js";

/** A field's name and kind: a message by its schema, "[]" where it repeats. */
type Schema = Readonly<Record<number, readonly [name: string, kind: "int" | "float" | "text" | "bytes" | Schema]>>;

// From onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), the fields that a graph here may have.
const entry: Schema = { 1: ["key", "text"], 2: ["value", "text"] };
const dimension: Schema = { 1: ["dim_value", "int"], 2: ["dim_param", "text"] };
const tensorType: Schema = { 1: ["elem_type", "int"], 2: ["shape", { 1: ["dim[]", dimension] }] };
const valueInfo: Schema = { 1: ["name", "text"], 2: ["type", { 1: ["tensor_type", tensorType] }] };
const attribute: Schema = {
  1: ["name", "text"],
  2: ["f", "float"],
  3: ["i", "int"],
  4: ["s", "text"],
  8: ["ints[]", "int"],
  20: ["type", "int"],
};
const node: Schema = {
  1: ["input[]", "text"],
  2: ["output[]", "text"],
  3: ["name", "text"],
  4: ["op_type", "text"],
  5: ["attribute[]", attribute],
  7: ["domain", "text"],
};
const tensor: Schema = {
  1: ["dims[]", "int"],
  2: ["data_type", "int"],
  8: ["name", "text"],
  9: ["raw_data", "bytes"],
  13: ["external_data[]", entry],
  14: ["data_location", "int"],
};
const graph: Schema = {
  1: ["node[]", node],
  2: ["name", "text"],
  5: ["initializer[]", tensor],
  11: ["input[]", valueInfo],
  12: ["output[]", valueInfo],
  13: ["value_info[]", valueInfo],
};
const model: Schema = {
  1: ["ir_version", "int"],
  2: ["producer_name", "text"],
  7: ["graph", graph],
  8: ["opset_import[]", { 1: ["domain", "text"], 2: ["version", "int"] }],
};

/** The message as plain values; a field that the schema does not have fails. */
function parse(bytes: Uint8Array, schema: Schema): Record<string, unknown> {
  const reader = new BinaryReader(bytes);
  const message: Record<string, unknown> = {};
  while (reader.pos < reader.len) {
    const [field] = reader.tag();
    const known = schema[field];
    if (known === undefined) throw new Error(`field ${field} is not in the schema`);
    const [name, kind] = known;
    const value = read(reader, kind);
    const plain = name.replace("[]", "");
    message[plain] = name === plain ? value : [...((message[plain] ?? []) as unknown[]), value];
  }
  return message;
}

function read(reader: BinaryReader, kind: Schema[number][1]): unknown {
  if (kind === "int") return Number(reader.int64());
  if (kind === "float") return reader.float();
  if (kind === "text") return reader.string();
  return kind === "bytes" ? [...reader.bytes()] : parse(reader.bytes(), kind);
}

const description: GraphDescription = {
  name: "sample",
  nodes: [
    {
      operator: "Gelu",
      domain: "com.microsoft",
      inputs: ["x", "", "w"],
      outputs: ["y", "", "z"],
      attributes: { alpha: 0.5, axis: -1n, mode: "tanh", perm: [1, 0] },
    },
  ],
  initializers: [
    { name: "w", elementType: "bfloat16", shape: [2, 3], file: "a/b.safetensors", offset: 5e9, byteLength: 12 },
    { name: "shape", elementType: "int64", shape: [1], bytes: Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0) },
  ],
  inputs: [{ name: "x", elementType: "int32", shape: ["batch", 4] }],
  outputs: [{ name: "y", elementType: "float32", shape: [] }],
  shapes: [{ name: "z", elementType: "float32", shape: ["rows"] }],
  operatorSets: { "": 21, "com.microsoft": 1 },
};

test("a model is the ONNX message that its description says", () => {
  expect(parse(serializeModel(description), model)).toEqual({
    ir_version: 10,
    producer_name: "ortler",
    graph: {
      name: "sample",
      node: [
        {
          input: ["x", "", "w"],
          output: ["y", "", "z"],
          name: "y",
          op_type: "Gelu",
          domain: "com.microsoft",
          // AttributeType: FLOAT 1, INT 2, STRING 3, INTS 7
          attribute: [
            { name: "alpha", f: 0.5, type: 1 },
            { name: "axis", i: -1, type: 2 },
            { name: "mode", s: "tanh", type: 3 },
            { name: "perm", ints: [1, 0], type: 7 },
          ],
        },
      ],
      initializer: [
        {
          dims: [2, 3],
          data_type: 16, // BFLOAT16
          name: "w",
          data_location: 1, // EXTERNAL
          external_data: [
            { key: "location", value: "a/b.safetensors" },
            { key: "offset", value: "5000000000" },
            { key: "length", value: "12" },
          ],
        },
        { dims: [1], data_type: 7, name: "shape", raw_data: [7, 0, 0, 0, 0, 0, 0, 0] }, // INT64
      ],
      // INT32 is 6, FLOAT 1
      input: [
        {
          name: "x",
          type: { tensor_type: { elem_type: 6, shape: { dim: [{ dim_param: "batch" }, { dim_value: 4 }] } } },
        },
      ],
      output: [{ name: "y", type: { tensor_type: { elem_type: 1, shape: {} } } }],
      value_info: [{ name: "z", type: { tensor_type: { elem_type: 1, shape: { dim: [{ dim_param: "rows" }] } } } }],
    },
    opset_import: [
      { domain: "", version: 21 },
      { domain: "com.microsoft", version: 1 },
    ],
  });
});
