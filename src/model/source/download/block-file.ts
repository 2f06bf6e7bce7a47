import type { FileHandle } from "node:fs/promises";
import type { RemoteFile } from "../remote-folder.js";
import { blockBytes, blockCountOf, digestBlocks, digestBytes, fileDigest, sha256 } from "./block-digest.js";

/** Blocks [start, end) of one file. */
export interface BlockRange {
  readonly start: number;
  readonly end: number;
}

const missing = 0;
const claimed = 1;
const written = 2;

/** A file that is filled block by block, in any order, and knows which are there and what their digests are. */
export class BlockFile {
  readonly blockCount: number;
  readonly #states: Uint8Array;
  readonly #digests: Buffer;

  /** @param handle Open for reading and writing; the file has its whole length already. */
  constructor(
    readonly file: RemoteFile,
    private readonly handle: FileHandle,
  ) {
    this.blockCount = blockCountOf(file.byteLength);
    this.#states = new Uint8Array(this.blockCount);
    this.#digests = Buffer.alloc(this.blockCount * digestBytes);
  }

  /** Takes a block to write it; false when it was written or taken before. Each block has one writer. */
  claim(block: number): boolean {
    if (this.#states[block] !== missing) return false;
    this.#states[block] = claimed;
    return true;
  }

  /** @throws What the file system throws; the block is then as it was before it was claimed. */
  async write(block: number, bytes: Uint8Array): Promise<void> {
    try {
      const [digest] = await Promise.all([sha256(bytes), this.#writeFully(bytes, block * blockBytes)]);
      this.#record(block, digest);
    } catch (error) {
      this.#states[block] = missing;
      throw error;
    }
  }

  /** The block turned out to be worthless. */
  drop(block: number): void {
    this.#states[block] = missing;
  }

  isWritten({ start, end }: BlockRange): boolean {
    return this.#states.subarray(start, end).every((state) => state === written);
  }

  /** The first block of the range that is not there; its end when all are. */
  firstMissing({ start, end }: BlockRange): number {
    const index = this.#states.subarray(start, end).findIndex((state) => state !== written);
    return index < 0 ? end : start + index;
  }

  /** What is not there, in ranges of at most `maxBlocks`. */
  missingRanges(maxBlocks: number): BlockRange[] {
    const ranges: BlockRange[] = [];
    for (let start = 0; start < this.blockCount;) {
      if (this.#states[start] === written) {
        start += 1;
        continue;
      }
      const limit = Math.min(start + maxBlocks, this.blockCount);
      const next = this.#states.subarray(start, limit).indexOf(written);
      const end = next < 0 ? limit : start + next;
      ranges.push({ start, end });
      start = end;
    }
    return ranges;
  }

  /** Bytes of the blocks that are there. */
  get writtenBytes(): number {
    return this.#states.reduce((sum, state, block) => sum + (state === written ? this.#sizeOf(block) : 0), 0);
  }

  /** Bytes of the blocks before `block`. */
  byteOffset(block: number): number {
    return Math.min(block * blockBytes, this.file.byteLength);
  }

  /** The digests of a range, joined. */
  digestsOf({ start, end }: BlockRange): Uint8Array {
    return this.#digests.subarray(start * digestBytes, end * digestBytes);
  }

  /** The file's digest, once every block is there. */
  digest(): string {
    return fileDigest(this.#digests);
  }

  /**
   * Takes over the blocks that a journal says were written, as far as the disk still has them so.
   *
   * @param onBytes Told after each block how many bytes were looked at.
   */
  async adopt(expected: ReadonlyMap<number, Uint8Array>, onBytes: (bytes: number) => void, signal: AbortSignal) {
    const check = (block: number, digest: Uint8Array | undefined) => {
      if (digest !== undefined && Buffer.compare(digest, expected.get(block) ?? new Uint8Array()) === 0) {
        this.#record(block, digest);
      }
      onBytes(this.#sizeOf(block));
    };
    const blocks = [...expected.keys()].filter((block) => block < this.blockCount); // the journal is only a file
    await digestBlocks(this.handle, this.file.byteLength, blocks, check, signal);
  }

  /** What was written survives a power cut. */
  async sync(): Promise<void> {
    await this.handle.datasync();
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  #sizeOf(block: number): number {
    return this.byteOffset(block + 1) - this.byteOffset(block);
  }

  #record(block: number, digest: Uint8Array): void {
    this.#digests.set(digest, block * digestBytes);
    this.#states[block] = written;
  }

  async #writeFully(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }
}
