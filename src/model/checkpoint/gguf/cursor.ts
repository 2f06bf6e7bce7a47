/** Reads the head of a GGUF file from front to back: numbers and strings, little-endian. */
import { isUtf8 } from "node:buffer";
import { readSync } from "node:fs";
import { CheckpointError } from "../../../errors.js";

/** Metadata and tensor descriptions of a GPT-2 take some 2 MB, most of it vocabulary and merges. */
const maxHeadBytes = 16 * 2 ** 20;
/** Bytes that are read at once. */
const windowBytes = 256 * 2 ** 10;

/** Whatever it is asked for is checked against the file, and against a limit, before memory is taken for it. */
export class GgufCursor {
  #at = 0;
  #window = Buffer.alloc(0);
  #windowStart = 0;

  constructor(
    private readonly descriptor: number,
    readonly fileBytes: number,
  ) {}

  /** Bytes from the start of the file. */
  get position(): number {
    return this.#at;
  }

  /**
   * The next `count` bytes.
   * @param what for the error, as all names here.
   * @throws {CheckpointError} when the file ends before, or its head is longer than a sound one's.
   */
  bytes(count: number, what: string): Buffer {
    const [start, end] = [this.#at, this.#at + count];
    if (end > this.fileBytes) {
      throw new CheckpointError(
        `${what} takes bytes [${start}, ${end}) of ${this.fileBytes}: the file is cut off, or a length in it is wrong`,
      );
    }
    if (end > maxHeadBytes) {
      throw new CheckpointError(`${what} ends at byte ${end}; metadata of at most ${maxHeadBytes} bytes is read`);
    }
    if (end > this.#windowStart + this.#window.length) this.#fill(start, Math.max(count, windowBytes));
    this.#at = end;
    return this.#window.subarray(start - this.#windowStart, end - this.#windowStart);
  }

  uint32(what: string): number {
    return this.bytes(4, what).readUInt32LE();
  }

  /** A length or a count: an unsigned 64-bit number of at most `limit`. */
  count(what: string, limit: number): number {
    const count = this.bytes(8, what).readBigUInt64LE();
    if (count > BigInt(limit)) throw new CheckpointError(`${what} is ${count}, above the limit of ${limit}`);
    return Number(count);
  }

  string(what: string, maxBytes: number): string {
    const bytes = this.bytes(this.count(`length of ${what}`, maxBytes), what);
    if (!isUtf8(bytes)) throw new CheckpointError(`${what} is not valid UTF-8`);
    return bytes.toString("utf8");
  }

  #fill(start: number, wanted: number): void {
    const window = Buffer.allocUnsafe(Math.min(wanted, this.fileBytes - start));
    let filled = 0;
    while (filled < window.length) {
      const count = readSync(this.descriptor, window, filled, window.length - filled, start + filled);
      if (count === 0) throw new CheckpointError("changed while it was read");
      filled += count;
    }
    this.#window = window;
    this.#windowStart = start;
  }
}
