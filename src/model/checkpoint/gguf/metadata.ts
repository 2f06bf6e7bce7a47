/** GGUF's metadata: typed values by key. */
import { inspect } from "node:util";
import { CheckpointError } from "../../../errors.js";
import { quote } from "../messages.js";
import type { GgufCursor } from "./cursor.js";

type Scalar = number | boolean | string;
export type GgufValue = Scalar | readonly Scalar[];

/** The specification's limit. */
const maxKeyBytes = 65_535;
/** The longest string of a sound file is a chat template. */
const maxStringBytes = 2 ** 20;
/** Vocabularies of GPT-2s have up to some 100,000 entries. */
const maxArrayLength = 2 ** 20;

const stringType = 8;
const arrayType = 9;

interface NumberType {
  readonly bytes: number;
  read(bytes: Buffer): number | boolean;
}

/** By GGUF's number for the type. 64-bit integers above 2^53 are not exact: whoever uses one checks. */
const numberTypes: ReadonlyMap<number, NumberType> = new Map<number, NumberType>([
  [0, { bytes: 1, read: (bytes) => bytes.readUInt8() }],
  [1, { bytes: 1, read: (bytes) => bytes.readInt8() }],
  [2, { bytes: 2, read: (bytes) => bytes.readUInt16LE() }],
  [3, { bytes: 2, read: (bytes) => bytes.readInt16LE() }],
  [4, { bytes: 4, read: (bytes) => bytes.readUInt32LE() }],
  [5, { bytes: 4, read: (bytes) => bytes.readInt32LE() }],
  [6, { bytes: 4, read: (bytes) => bytes.readFloatLE() }],
  [7, { bytes: 1, read: (bytes) => bytes.readUInt8() !== 0 }],
  [10, { bytes: 8, read: (bytes) => Number(bytes.readBigUInt64LE()) }],
  [11, { bytes: 8, read: (bytes) => Number(bytes.readBigInt64LE()) }],
  [12, { bytes: 8, read: (bytes) => bytes.readDoubleLE() }],
]);

export class GgufMetadata {
  private constructor(private readonly values: ReadonlyMap<string, GgufValue>) {}

  /** @throws {CheckpointError} when a key occurs twice, or a value is of no known type, too long or cut off. */
  static read(cursor: GgufCursor, count: number): GgufMetadata {
    const values = new Map<string, GgufValue>();
    for (let index = 0; index < count; index += 1) {
      const key = cursor.string(`key ${index} of the metadata`, maxKeyBytes);
      if (values.has(key)) throw new CheckpointError(`metadata has ${quote(key)} twice`);
      values.set(key, readValue(cursor, quote(key)));
    }
    return new GgufMetadata(values);
  }

  get(key: string): GgufValue | undefined {
    return this.values.get(key);
  }

  /** A whole number >= `least`; undefined when the key is absent. */
  integer(key: string, least = 0): number | undefined {
    const isRight = (value: GgufValue): value is number =>
      typeof value === "number" && Number.isSafeInteger(value) && value >= least;
    return this.#typed(key, isRight, `a whole number >= ${least}`);
  }

  number(key: string): number | undefined {
    return this.#typed(key, (value) => typeof value === "number", "a number");
  }

  boolean(key: string): boolean | undefined {
    return this.#typed(key, (value) => typeof value === "boolean", "true or false");
  }

  string(key: string): string | undefined {
    return this.#typed(key, (value) => typeof value === "string", "a string");
  }

  strings(key: string): readonly string[] | undefined {
    const isRight = (value: GgufValue): value is readonly string[] =>
      Array.isArray(value) && value.every((entry) => typeof entry === "string");
    return this.#typed(key, isRight, "an array of strings");
  }

  numbers(key: string): readonly number[] | undefined {
    const isRight = (value: GgufValue): value is readonly number[] =>
      Array.isArray(value) && value.every((entry) => typeof entry === "number");
    return this.#typed(key, isRight, "an array of numbers");
  }

  #typed<T extends GgufValue>(key: string, isRight: (value: GgufValue) => value is T, rule: string): T | undefined {
    const value = this.values.get(key);
    if (value === undefined || isRight(value)) return value;
    throw new CheckpointError(`${key} must be ${rule}, got ${show(value)}`);
  }
}

function readValue(cursor: GgufCursor, what: string): GgufValue {
  const type = cursor.uint32(`type of ${what}`);
  return type === arrayType ? readArray(cursor, what) : readScalar(cursor, type, what);
}

function readScalar(cursor: GgufCursor, type: number, what: string): Scalar {
  if (type === stringType) return cursor.string(what, maxStringBytes);
  const number = numberType(type, what);
  return number.read(cursor.bytes(number.bytes, what));
}

/** Arrays of arrays are in the specification; no GPT-2 has one, and none is read. */
function readArray(cursor: GgufCursor, what: string): readonly Scalar[] {
  const type = cursor.uint32(`element type of ${what}`);
  if (type === arrayType) throw new CheckpointError(`${what} is an array of arrays, which is not read`);
  const least = type === stringType ? 8 : numberType(type, what).bytes;
  const count = cursor.count(`number of elements of ${what}`, maxArrayLength);
  const left = cursor.fileBytes - cursor.position;
  if (count * least > left) {
    throw new CheckpointError(
      `${what} has ${count} elements, which take ${count * least} bytes or more of ${left} left`,
    );
  }
  const values: Scalar[] = [];
  for (let index = 0; index < count; index += 1) values.push(readScalar(cursor, type, `an element of ${what}`));
  return values;
}

function numberType(type: number, what: string): NumberType {
  const found = numberTypes.get(type);
  if (found === undefined) throw new CheckpointError(`${what} has the unknown type ${type}; types 0 to 12 are known`);
  return found;
}

function show(value: GgufValue): string {
  return inspect(value, { breakLength: Infinity, maxArrayLength: 4, maxStringLength: 80 });
}
