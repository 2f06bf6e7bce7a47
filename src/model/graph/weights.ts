import { CheckpointError } from "../../errors.js";
import { elementTypes } from "../../ort/index.js";
import type { GraphBuilder, Value } from "./graph-builder.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";

/** A weight of the checkpoint as it is stored: float32, float16 or bfloat16. */
export function addStoredWeight(graph: GraphBuilder, record: TensorRecord): Value {
  const { name, shape, file, offset, byteLength } = record;
  return graph.weight({ name, elementType: storedType(record), shape, file, offset, byteLength });
}

/** A weight as float32. Float32 in the file stays mapped; others are widened once, when the session is made. */
export function addWeight(graph: GraphBuilder, record: TensorRecord): Value {
  return addWidened(graph, record, addStoredWeight(graph, record));
}

/** Rows of a stored table, widened to float32 after the look-up: the table itself stays as it is. */
export function addRows(graph: GraphBuilder, record: TensorRecord, indices: Value): Value {
  const rows = graph.add("Gather", [addStoredWeight(graph, record), indices], { axis: 0n });
  return addWidened(graph, record, rows);
}

function addWidened(graph: GraphBuilder, record: TensorRecord, value: Value): Value {
  if (record.elementType === "float32") return value;
  return graph.add("Cast", [value], { to: BigInt(elementTypes.float32.onnx) });
}

/** @throws {CheckpointError} when the type is none that weights have. */
export function storedType(record: TensorRecord): "float32" | "float16" | "bfloat16" {
  const type = record.elementType;
  if (type === "float32" || type === "float16" || type === "bfloat16") return type;
  throw new CheckpointError(`${record.name} is ${type}: weights must be float32, float16 or bfloat16`);
}
