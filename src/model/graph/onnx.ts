/**
 * The part of the ONNX format that a graph built in memory needs, written as protobuf.
 * Field numbers: onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { elementTypes, type ElementType } from "../../ort/index.js";

export type AttributeValue = number | bigint | string | readonly number[];

export interface NodeDescription {
  readonly operator: string;
  /** Empty = ONNX's own operators. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** A `number` is written as a float, a `bigint` as an int, a list of numbers as ints. */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** Weights that stay in a file of the checkpoint. */
export interface ExternalInitializer {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  /** Relative to the session's external data folder. */
  readonly file: string;
  readonly offset: number;
  readonly byteLength: number;
}

/** Small constants that are written into the graph. */
export interface InlineInitializer {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface ValueDescription {
  readonly name: string;
  readonly elementType: ElementType;
  /** A name is a symbolic dimension. */
  readonly shape: readonly (number | string)[];
}

export interface GraphDescription {
  readonly name: string;
  readonly nodes: readonly NodeDescription[];
  readonly initializers: readonly (ExternalInitializer | InlineInitializer)[];
  readonly inputs: readonly ValueDescription[];
  readonly outputs: readonly ValueDescription[];
  /** Of values between nodes. */
  readonly shapes: readonly ValueDescription[];
  /** Operator set version by domain. */
  readonly operatorSets: Readonly<Record<string, number>>;
}

const irVersion = 10;

/** The bytes of an ONNX `ModelProto`. */
export function serializeModel(graph: GraphDescription): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(irVersion);
  text(writer, 2, "ortler");
  message(writer, 7, () => writeGraph(writer, graph));
  for (const [domain, version] of Object.entries(graph.operatorSets)) {
    message(writer, 8, () => {
      text(writer, 1, domain);
      writer.tag(2, WireType.Varint).int64(version);
    });
  }
  return writer.finish();
}

function writeGraph(writer: BinaryWriter, graph: GraphDescription): void {
  for (const node of graph.nodes) message(writer, 1, () => writeNode(writer, node));
  text(writer, 2, graph.name);
  for (const initializer of graph.initializers) message(writer, 5, () => writeInitializer(writer, initializer));
  for (const value of graph.inputs) message(writer, 11, () => writeValue(writer, value));
  for (const value of graph.outputs) message(writer, 12, () => writeValue(writer, value));
  for (const value of graph.shapes) message(writer, 13, () => writeValue(writer, value));
}

function writeNode(writer: BinaryWriter, node: NodeDescription): void {
  for (const name of node.inputs) text(writer, 1, name);
  for (const name of node.outputs) text(writer, 2, name);
  text(writer, 3, node.outputs[0] ?? "");
  text(writer, 4, node.operator);
  for (const [name, value] of Object.entries(node.attributes)) {
    message(writer, 5, () => writeAttribute(writer, name, value));
  }
  text(writer, 7, node.domain);
}

const attributeType = { float: 1, int: 2, string: 3, ints: 7 } as const;

function writeAttribute(writer: BinaryWriter, name: string, value: AttributeValue): void {
  text(writer, 1, name);
  let type: number;
  if (typeof value === "number") {
    writer.tag(2, WireType.Bit32).float(value);
    type = attributeType.float;
  } else if (typeof value === "bigint") {
    writer.tag(3, WireType.Varint).int64(value);
    type = attributeType.int;
  } else if (typeof value === "string") {
    text(writer, 4, value);
    type = attributeType.string;
  } else {
    for (const item of value) writer.tag(8, WireType.Varint).int64(item);
    type = attributeType.ints;
  }
  writer.tag(20, WireType.Varint).int32(type);
}

const externalLocation = 1; // TensorProto.DataLocation.EXTERNAL

function writeInitializer(writer: BinaryWriter, initializer: ExternalInitializer | InlineInitializer): void {
  for (const dimension of initializer.shape) writer.tag(1, WireType.Varint).int64(dimension);
  writer.tag(2, WireType.Varint).int32(elementTypes[initializer.elementType].onnx);
  text(writer, 8, initializer.name);
  if ("bytes" in initializer) {
    writer.tag(9, WireType.LengthDelimited).bytes(initializer.bytes);
    return;
  }
  const { file, offset, byteLength } = initializer;
  for (const [key, value] of Object.entries({ location: file, offset, length: byteLength })) {
    message(writer, 13, () => {
      text(writer, 1, key);
      text(writer, 2, String(value));
    });
  }
  writer.tag(14, WireType.Varint).int32(externalLocation);
}

function writeValue(writer: BinaryWriter, value: ValueDescription): void {
  text(writer, 1, value.name);
  message(writer, 2, () => {
    message(writer, 1, () => {
      writer.tag(1, WireType.Varint).int32(elementTypes[value.elementType].onnx);
      message(writer, 2, () => {
        for (const dimension of value.shape) message(writer, 1, () => writeDimension(writer, dimension));
      });
    });
  });
}

function writeDimension(writer: BinaryWriter, dimension: number | string): void {
  if (typeof dimension === "string") text(writer, 2, dimension);
  else writer.tag(1, WireType.Varint).int64(dimension);
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}
