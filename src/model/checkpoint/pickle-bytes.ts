import { CheckpointError } from "../../errors.js";

/** Reads a pickle's bytes from front to back. Numbers are little-endian, texts UTF-8; running out is an error. */
export class PickleBytes {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  get isAtEnd(): boolean {
    return this.#position === this.#bytes.length;
  }

  uint8(): number {
    return this.#take(1).readUInt8();
  }

  uint16(): number {
    return this.#take(2).readUInt16LE();
  }

  int32(): number {
    return this.#take(4).readInt32LE();
  }

  uint32(): number {
    return this.#take(4).readUInt32LE();
  }

  /** Big-endian, the one exception of the format. */
  float64(): number {
    return this.#take(8).readDoubleBE();
  }

  skip(count: number): void {
    this.#take(count);
  }

  text(byteLength: number): string {
    return this.#take(byteLength).toString("utf8");
  }

  /** The text up to the next line feed, which is read too. */
  line(): string {
    const end = this.#bytes.indexOf("\n", this.#position);
    if (end < 0) throw new CheckpointError("the pickle ends in the middle of a line");
    const line = this.text(end - this.#position);
    this.skip(1);
    return line;
  }

  /** A two's complement integer of any length that a JavaScript number holds exactly. */
  integer(byteLength: number): number {
    if (byteLength > 8) throw new CheckpointError(`an integer of ${byteLength} bytes is too large`);
    const bytes = this.#take(byteLength);
    let value = 0n;
    bytes.forEach((byte, index) => (value |= BigInt(byte) << BigInt(8 * index)));
    const number = Number(BigInt.asIntN(8 * byteLength, value));
    if (!Number.isSafeInteger(number)) throw new CheckpointError(`the integer ${number} is too large`);
    return number;
  }

  #take(count: number): Buffer {
    const left = this.#bytes.length - this.#position;
    if (count > left) throw new CheckpointError(`the pickle is cut off: ${count} bytes wanted, ${left} left`);
    this.#position += count;
    return this.#bytes.subarray(this.#position - count, this.#position);
  }
}
