import { WireType, type BinaryReader, type BinaryWriter } from "@bufbuild/protobuf/wire";

/** How a value of one type is written and read. */
export interface Codec {
  readonly wireType: WireType;
  write(writer: BinaryWriter, value: unknown): void;
  read(reader: BinaryReader): unknown;
}

/** 64-bit integers are strings. Bytes are the text whose UTF-8 they are, or else `{ hex }`. */
export const scalars: Readonly<Record<string, Codec>> = {
  string: {
    wireType: WireType.LengthDelimited,
    write: (writer, value) => writer.string(String(value)),
    read: (reader) => reader.string(),
  },
  bytes: {
    wireType: WireType.LengthDelimited,
    write: (writer, value) => writer.bytes(toBytes(value)),
    read: (reader) => Buffer.from(reader.bytes()).toString(),
  },
  uint32: {
    wireType: WireType.Varint,
    write: (writer, value) => writer.uint32(Number(value)),
    read: (reader) => reader.uint32(),
  },
  uint64: {
    wireType: WireType.Varint,
    write: (writer, value) => writer.uint64(String(value)),
    read: (reader) => String(reader.uint64()),
  },
  int64: {
    wireType: WireType.Varint,
    write: (writer, value) => writer.int64(String(value)),
    read: (reader) => String(reader.int64()),
  },
  float: {
    wireType: WireType.Bit32,
    write: (writer, value) => writer.float(Number(value)),
    read: (reader) => reader.float(),
  },
  double: {
    wireType: WireType.Bit64,
    write: (writer, value) => writer.double(Number(value)),
    read: (reader) => reader.double(),
  },
  bool: {
    wireType: WireType.Varint,
    write: (writer, value) => writer.bool(value === true),
    read: (reader) => reader.bool(),
  },
};

function toBytes(value: unknown): Uint8Array {
  if (typeof value === "string") return Buffer.from(value);
  return Buffer.from((value as { readonly hex: string }).hex, "hex");
}
