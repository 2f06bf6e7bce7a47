/** Reads OTLP's protobuf (opentelemetry-proto, trace/v1/trace.proto) by its field numbers, without the exporter's code. */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** A span as a collector sees it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty = it has no parent. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: "internal" | "server" | undefined;
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly isError: boolean;
  /** Of the service. */
  readonly resource: Attributes;
}

export type Attributes = Readonly<Record<string, unknown>>;

type Field = Uint8Array | bigint | number;
type Fields = ReadonlyMap<number, readonly Field[]>;

/** The spans of an `ExportTraceServiceRequest`. */
export function readExport(request: Uint8Array): ReceivedSpan[] {
  return messages(fieldsOf(request), 1).flatMap((resourceSpans) => {
    const resource = messages(resourceSpans, 1).flatMap((each) => Object.entries(attributesOf(each, 1)));
    const spans = messages(resourceSpans, 2).flatMap((scopeSpans) => messages(scopeSpans, 2));
    return spans.map((span) => toSpan(span, Object.fromEntries(resource)));
  });
}

function toSpan(span: Fields, resource: Attributes): ReceivedSpan {
  const [status] = messages(span, 15);
  return {
    traceId: hex(span, 1),
    spanId: hex(span, 2),
    traceState: text(span, 3),
    parentSpanId: hex(span, 4),
    name: text(span, 5),
    kind: ({ 1: "internal", 2: "server" } as const)[Number(span.get(6)?.[0])],
    startMs: milliseconds(span.get(7)?.[0]),
    endMs: milliseconds(span.get(8)?.[0]),
    attributes: attributesOf(span, 9),
    isError: Number(status?.get(3)?.[0]) === 2,
    resource,
  };
}

function attributesOf(message: Fields, number: number): Attributes {
  return Object.fromEntries(messages(message, number).map((pair) => [text(pair, 1), valueOf(messages(pair, 2)[0])]));
}

/** `AnyValue`: a text, boolean, integer, double, or a list of such values. */
function valueOf(value: Fields | undefined): unknown {
  if (value === undefined) return undefined;
  if (value.has(1)) return text(value, 1);
  if (value.has(2)) return value.get(2)?.[0] === 1n;
  if (value.has(3)) return Number(BigInt.asIntN(64, bits(value.get(3)?.[0])));
  if (value.has(4)) return new DataView(new BigInt64Array([bits(value.get(4)?.[0])]).buffer).getFloat64(0, true);
  return messages(value, 5).flatMap((list) => messages(list, 1).map(valueOf));
}

/** Of nanoseconds, to the microsecond. */
const milliseconds = (field: Field | undefined): number => Number(bits(field) / 1000n) / 1000;

const bits = (field: Field | undefined): bigint => (typeof field === "bigint" ? field : 0n);

function fieldsOf(message: Uint8Array): Fields {
  const reader = new BinaryReader(message);
  const fields = new Map<number, Field[]>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    fields.set(number, [...(fields.get(number) ?? []), readField(reader, type)]);
  }
  return fields;
}

function readField(reader: BinaryReader, type: WireType): Field {
  if (type === WireType.LengthDelimited) return reader.bytes();
  if (type === WireType.Varint) return BigInt(reader.uint64());
  if (type === WireType.Bit64) return BigInt(reader.fixed64());
  if (type === WireType.Bit32) return reader.fixed32();
  throw new Error(`wire type ${type}`);
}

function messages(message: Fields, number: number): Fields[] {
  return (message.get(number) ?? []).flatMap((field) => (field instanceof Uint8Array ? [fieldsOf(field)] : []));
}

function bytes(message: Fields, number: number): Uint8Array {
  const field = message.get(number)?.[0];
  return field instanceof Uint8Array ? field : new Uint8Array();
}

const text = (message: Fields, number: number): string => Buffer.from(bytes(message, number)).toString();
const hex = (message: Fields, number: number): string => Buffer.from(bytes(message, number)).toString("hex");
