/**
 * Writes GGUF files as the specification has them (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Whatever
 * a test gives is written, sound or not.
 */
type Scalar = number | boolean | string;

/** A value with the name of its type; of an array, of its elements. */
export type Typed = readonly [type: TypeName, value: Scalar | readonly Scalar[]];
type TypeName = keyof typeof typeIds;

const typeIds = { u8: 0, i8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, u64: 10, i64: 11, f64: 12 };
const arrayId = 9;

export interface WrittenTensor {
  readonly name: string;
  /** Row-major: written the other way round. */
  readonly shape: readonly number[];
  /** ggml's number for it. */
  readonly type: number;
  readonly data: Uint8Array;
  /** Where the description says that it begins; by default where it does. */
  readonly offset?: number;
}

export interface GgufParts {
  readonly magic?: string;
  readonly version?: number;
  readonly metadata?: Readonly<Record<string, Typed | Uint8Array>>;
  readonly tensors?: readonly WrittenTensor[];
  readonly alignment?: number;
  /** What the head says; by default what there is. */
  readonly metadataCount?: number | bigint;
  readonly tensorCount?: number | bigint;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

export function gguf(parts: GgufParts): Buffer {
  const { magic = "GGUF", version = 3, metadata = {}, tensors = [], alignment = 32 } = parts;
  const { metadataCount = Object.keys(metadata).length, tensorCount = tensors.length } = parts;
  const pad = (bytes: Uint8Array): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & (alignment - 1))]);
  let end = 0;
  const descriptions = tensors.map(({ name, shape, type, data, offset = end }) => {
    end += pad(data).length;
    return Buffer.concat([text(name), u32(shape.length), ...shape.toReversed().map(u64), u32(type), u64(offset)]);
  });
  const values = Object.entries(metadata).flatMap(([key, value]) => [text(key), valueBytes(value)]);
  const counts = [u64(tensorCount), u64(metadataCount)];
  const head = Buffer.concat([Buffer.from(magic), u32(version), ...counts, ...values, ...descriptions]);
  return Buffer.concat([tensors.length === 0 ? head : pad(head), ...tensors.map(({ data }) => pad(data))]);
}

/** Bytes are a value whole, with its type. */
function valueBytes(value: Typed | Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const [type, content] = value;
  if (!Array.isArray(content)) return Buffer.concat([u32(typeIds[type]), scalarBytes(type, content as Scalar)]);
  const elements = (content as readonly Scalar[]).map((element) => scalarBytes(type, element));
  return Buffer.concat([u32(arrayId), u32(typeIds[type]), u64(elements.length), ...elements]);
}

function scalarBytes(type: TypeName, value: Scalar): Buffer {
  if (type === "string") return text(String(value));
  const bytes = new DataView(new ArrayBuffer(8));
  const number = Number(value);
  const write: Record<Exclude<TypeName, "string">, () => number> = {
    u8: () => (bytes.setUint8(0, number), 1),
    i8: () => (bytes.setInt8(0, number), 1),
    bool: () => (bytes.setUint8(0, number), 1),
    u16: () => (bytes.setUint16(0, number, true), 2),
    i16: () => (bytes.setInt16(0, number, true), 2),
    u32: () => (bytes.setUint32(0, number, true), 4),
    i32: () => (bytes.setInt32(0, number, true), 4),
    f32: () => (bytes.setFloat32(0, number, true), 4),
    u64: () => (bytes.setBigUint64(0, BigInt(number), true), 8),
    i64: () => (bytes.setBigInt64(0, BigInt(number), true), 8),
    f64: () => (bytes.setFloat64(0, number, true), 8),
  };
  return Buffer.from(bytes.buffer, 0, write[type]());
}
