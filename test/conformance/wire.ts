/** Messages to bytes and back by tables of field numbers, without generated types. */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A message as data: 64-bit integers are strings, enums names (or numbers that have none). */
export type Json = Readonly<Record<string, unknown>>;

/** A type by its name, a message by its, an enum by the names of its values from 0 on. */
type Type = string | readonly string[];
type Field = readonly [number: number, type: Type, label?: "repeated"];
export type Messages = Readonly<Record<string, Readonly<Record<string, Field>>>>;

interface Scalar {
  readonly wireType: WireType;
  write(writer: BinaryWriter, value: unknown): void;
  read(reader: BinaryReader): unknown;
}

const scalars: Readonly<Record<string, Scalar>> = {
  string: {
    wireType: WireType.LengthDelimited,
    write: (writer, value) => writer.string(String(value)),
    read: (reader) => reader.string(),
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
  float: {
    wireType: WireType.Bit32,
    write: (writer, value) => writer.float(Number(value)),
    read: (reader) => reader.float(),
  },
  bool: {
    wireType: WireType.Varint,
    write: (writer, value) => writer.bool(value === true),
    read: (reader) => reader.bool(),
  },
};

/** Writes every field that `value` has, zero or not: presence is the row's to decide. */
export function encodeMessage(messages: Messages, type: string, value: Json): Uint8Array {
  const writer = new BinaryWriter();
  for (const [name, each] of Object.entries(value)) {
    const [number, fieldType, label] = fieldOf(messages, type, ([other]) => other === name)[1];
    const codec = codecOf(messages, fieldType);
    for (const item of label === "repeated" ? (each as unknown[]) : [each]) {
      codec.write(writer.tag(number, codec.wireType), item);
    }
  }
  return writer.finish();
}

/**
 * Reads a message; what is zero, false or empty is left out.
 * @throws {Error} when it has a field that the table does not have, or has with another type.
 */
export function decodeMessage(messages: Messages, type: string, bytes: Uint8Array): Json {
  const reader = new BinaryReader(bytes);
  const value: Record<string, unknown> = {};
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const [name, [, fieldType, label]] = fieldOf(messages, type, ([, [other]]) => other === number);
    const codec = codecOf(messages, fieldType);
    if (wireType !== codec.wireType) throw new Error(`${type}.${name} has wire type ${wireType}`);
    const item = codec.read(reader);
    if (label === "repeated") value[name] = [...((value[name] as unknown[] | undefined) ?? []), item];
    else if (!isZero(item, fieldType)) value[name] = item;
  }
  return value;
}

function fieldOf(messages: Messages, type: string, matches: (entry: [name: string, field: Field]) => boolean) {
  const entry = Object.entries(messages[type] ?? {}).find(matches);
  if (entry === undefined) throw new Error(`${type} has a field that the contract does not have`);
  return entry;
}

function codecOf(messages: Messages, type: Type): Scalar {
  if (typeof type !== "string") return enumCodec(type);
  return scalars[type] ?? messageCodec(messages, type);
}

function enumCodec(names: readonly string[]): Scalar {
  return {
    wireType: WireType.Varint,
    write: (writer, value) => writer.int32(typeof value === "number" ? value : names.indexOf(String(value))),
    read: (reader) => {
      const number = reader.int32();
      return names[number] ?? number;
    },
  };
}

function messageCodec(messages: Messages, type: string): Scalar {
  return {
    wireType: WireType.LengthDelimited,
    write: (writer, value) => writer.bytes(encodeMessage(messages, type, value as Json)),
    read: (reader) => decodeMessage(messages, type, reader.bytes()),
  };
}

function isZero(value: unknown, type: Type): boolean {
  if (typeof type !== "string") return value === type[0];
  return value === 0 || value === "" || value === false || (type === "uint64" && value === "0");
}
