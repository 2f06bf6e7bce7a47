import { fromBinary, ScalarType, type DescField, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { status } from "@grpc/grpc-js";
import { StatusError } from "../errors.js";

/** As deep as protobuf libraries follow nested messages. */
const maxDepth = 100;

/**
 * Decodes a request as the protobuf library of the original does.
 * @throws {StatusError} INTERNAL with gRPC's own text when the bytes are not a message.
 */
export function decode<Schema extends DescMessage>(schema: Schema, bytes: Uint8Array): MessageShape<Schema> {
  try {
    return fromBinary(schema, knownFields(schema, bytes, maxDepth));
  } catch (cause) {
    throw new StatusError(status.INTERNAL, "Exception deserializing request!", { cause });
  }
}

/**
 * The message without the fields that the schema does not have. To the original a field with another wire type than
 * the declared one is such a field, and clients with an older field numbering depend on it; `fromBinary` would read
 * its bytes as something else.
 */
function knownFields(schema: DescMessage, bytes: Uint8Array, depth: number): Uint8Array {
  if (depth === 0) throw new RangeError(`messages are nested more than ${maxDepth} deep`);
  const reader = new BinaryReader(bytes);
  const known = new BinaryWriter();
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    const field = schema.fields.find((candidate) => candidate.number === number);
    if (field === undefined || !hasWireType(field, wireType)) {
      reader.skip(wireType, number);
    } else if (field.message !== undefined && field.fieldKind !== "map") {
      known.tag(number, wireType).bytes(knownFields(field.message, reader.bytes(), depth - 1));
    } else {
      reader.skip(wireType, number);
      known.raw(bytes.subarray(start, reader.pos));
    }
  }
  return known.finish();
}

function hasWireType(field: DescField, wireType: WireType): boolean {
  if (field.message !== undefined || field.fieldKind === "map") return wireType === WireType.LengthDelimited;
  const single = field.scalar === undefined ? WireType.Varint : wireTypeOf(field.scalar);
  const mayBePacked = field.fieldKind === "list" && wireType === WireType.LengthDelimited;
  return wireType === single || mayBePacked;
}

function wireTypeOf(scalar: ScalarType): WireType {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    case ScalarType.BOOL:
    case ScalarType.INT32:
    case ScalarType.INT64:
    case ScalarType.SINT32:
    case ScalarType.SINT64:
    case ScalarType.UINT32:
    case ScalarType.UINT64:
      return WireType.Varint;
  }
}
