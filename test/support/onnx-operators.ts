/** What is in a serialized ONNX model, read by the field numbers of onnx.proto. */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** Each kind of operator in the graph once, sorted; those of com.microsoft with their domain. */
export function operatorsOf(model: Uint8Array): string[] {
  const [graph = new Uint8Array()] = messages(model, 7);
  const operators = messages(graph, 1).map((node) => {
    const [type, domain] = [4, 7].map((field) => Buffer.from(messages(node, field)[0] ?? []).toString());
    return domain === "" ? String(type) : `${domain}.${type}`;
  });
  return [...new Set(operators)].sort();
}

/** Names of the graph's outputs. */
export function outputsOf(model: Uint8Array): string[] {
  const [graph = new Uint8Array()] = messages(model, 7);
  return messages(graph, 12).map((value) => Buffer.from(messages(value, 1)[0] ?? []).toString());
}

/** The length-delimited values of a field. */
function messages(bytes: Uint8Array, field: number): Uint8Array[] {
  const reader = new BinaryReader(bytes);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === field && type === WireType.LengthDelimited) found.push(reader.bytes());
    else reader.skip(type);
  }
  return found;
}
