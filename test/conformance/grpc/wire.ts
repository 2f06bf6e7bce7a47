/** Messages to bytes and back by tables of field numbers, without generated types. */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Json } from "../json.js";
import { scalars, type Codec } from "./scalars.js";

/**
 * A scalar or a message by its name, an enum by the names of its values from 0 on. The type of a map is a message of
 * `key` and `value`.
 */
type Type = string | readonly string[];
type Field = readonly [number: number, type: Type, label?: "repeated" | "map"];
export type Messages = Readonly<Record<string, Readonly<Record<string, Field>>>>;

/** Writes every field that `value` has, zero or not: presence is the row's to decide. */
export function encodeMessage(messages: Messages, type: string, value: Json): Uint8Array {
  const writer = new BinaryWriter();
  for (const [name, each] of Object.entries(value)) {
    const [number, fieldType, label] = fieldOf(messages, type, ([other]) => other === name)[1];
    const codec = codecOf(messages, fieldType);
    if (label === "repeated" && codec.wireType !== WireType.LengthDelimited) {
      writer.tag(number, WireType.LengthDelimited).bytes(packed(codec, each as unknown[]));
      continue;
    }
    for (const item of itemsOf(each, label)) codec.write(writer.tag(number, codec.wireType), item);
  }
  return writer.finish();
}

function itemsOf(value: unknown, label: Field[2]): readonly unknown[] {
  if (label === "repeated") return value as unknown[];
  if (label === "map") return Object.entries(value as Json).map(([key, each]) => ({ key, value: each }));
  return [value];
}

/** Numbers of a repeated field, one behind the other. */
function packed(codec: Codec, values: readonly unknown[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const value of values) codec.write(writer, value);
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
    const isPacked = label === "repeated" && wireType === WireType.LengthDelimited && codec.wireType !== wireType;
    if (wireType !== codec.wireType && !isPacked) throw new Error(`${type}.${name} has wire type ${wireType}`);
    const items = isPacked ? unpacked(codec, reader.bytes()) : [codec.read(reader)];
    if (label === "repeated") value[name] = [...((value[name] as unknown[] | undefined) ?? []), ...items];
    else if (label === "map") value[name] = { ...(value[name] as Json | undefined), ...entryOf(items[0]) };
    else if (!isZero(items[0], fieldType)) value[name] = items[0];
  }
  return value;
}

function unpacked(codec: Codec, bytes: Uint8Array): unknown[] {
  const reader = new BinaryReader(bytes);
  const values: unknown[] = [];
  while (reader.pos < reader.len) values.push(codec.read(reader));
  return values;
}

function entryOf(item: unknown): Json {
  const { key = "", value = "" } = item as { readonly key?: string; readonly value?: unknown };
  return { [key]: value };
}

function fieldOf(messages: Messages, type: string, matches: (entry: [name: string, field: Field]) => boolean) {
  const entry = Object.entries(messages[type] ?? {}).find(matches);
  if (entry === undefined) throw new Error(`${type} has a field that the contract does not have`);
  return entry;
}

function codecOf(messages: Messages, type: Type): Codec {
  if (typeof type !== "string") return enumCodec(type);
  return scalars[type] ?? messageCodec(messages, type);
}

function enumCodec(names: readonly string[]): Codec {
  return {
    wireType: WireType.Varint,
    write: (writer, value) => writer.int32(typeof value === "number" ? value : names.indexOf(String(value))),
    read: (reader) => {
      const number = reader.int32();
      return names[number] ?? number;
    },
  };
}

function messageCodec(messages: Messages, type: string): Codec {
  return {
    wireType: WireType.LengthDelimited,
    write: (writer, value) => writer.bytes(encodeMessage(messages, type, value as Json)),
    read: (reader) => decodeMessage(messages, type, reader.bytes()),
  };
}

function isZero(value: unknown, type: Type): boolean {
  if (typeof type !== "string") return value === type[0];
  return value === 0 || value === "" || value === false || (["int64", "uint64"].includes(type) && value === "0");
}
