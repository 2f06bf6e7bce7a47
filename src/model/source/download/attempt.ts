import { RemoteError, type RemoteFolder } from "../remote-folder.js";
import { blockBytes } from "./block-digest.js";
import type { BlockFile, BlockRange } from "./block-file.js";

/** What an attempt reads from and writes to. */
export interface AttemptContext {
  readonly remote: RemoteFolder;
  readonly target: BlockFile;
  /** Told of bytes on disk; of a negative number when they were dropped again. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * One request for the rest of a part. Bytes are gathered to blocks and written while the next ones arrive: two buffers
 * of a block each, whatever the part's size. Several attempts may run for one part; each block is written by one.
 */
export class Attempt {
  #lastByteAtMs = performance.now();
  #isWaitingForDisk = false;
  #block: number;
  #filling: Buffer;
  #spare: Buffer;
  #filled = 0;
  #writing: Promise<void> = Promise.resolve();
  readonly #written: number[] = [];

  constructor(
    private readonly context: AttemptContext,
    private readonly part: BlockRange,
    private readonly signal: AbortSignal,
  ) {
    this.#block = context.target.firstMissing(part);
    this.#filling = Buffer.allocUnsafeSlow(Math.min(blockBytes, this.#bytesLeft()));
    this.#spare = Buffer.allocUnsafeSlow(Math.max(0, Math.min(blockBytes, this.#bytesLeft() - blockBytes)));
  }

  /**
   * Ends when the store has sent exactly what was asked for, and all is written.
   *
   * @throws {RemoteError} also when it sent too little, or too much: then nothing that it sent is believed.
   */
  async run(): Promise<void> {
    const { remote, target } = this.context;
    const start = target.byteOffset(this.#block);
    const asked = this.#bytesLeft();
    let received = 0;
    for await (const piece of remote.read(target.file, start, start + asked, this.signal)) {
      this.signal.throwIfAborted();
      this.#lastByteAtMs = performance.now();
      received += piece.length;
      if (received > asked) await this.#refuse(asked);
      await this.#take(piece);
    }
    await this.#writing;
    if (received < asked) throw this.#fault(`the server sent ${received} of ${asked} bytes`);
  }

  /** When the request began, or its last byte came, by `performance.now()`. Waiting for the disk is no silence. */
  get lastByteAtMs(): number {
    return this.#isWaitingForDisk ? performance.now() : this.#lastByteAtMs;
  }

  /** Ends when nothing of this attempt is being written any more. To be called once it was aborted. */
  async settle(): Promise<void> {
    await this.#writing.catch(() => undefined); // `run` throws it
  }

  async #take(piece: Uint8Array): Promise<void> {
    const { target } = this.context;
    for (let taken = 0; taken < piece.length;) {
      const size = target.byteOffset(this.#block + 1) - target.byteOffset(this.#block);
      const bytes = piece.subarray(taken, taken + size - this.#filled);
      this.#filling.set(bytes, this.#filled);
      this.#filled += bytes.length;
      taken += bytes.length;
      if (this.#filled === size) await this.#finishBlock(size);
    }
  }

  async #finishBlock(size: number): Promise<void> {
    this.#isWaitingForDisk = true;
    await this.#writing; // then the other buffer is free
    this.#isWaitingForDisk = false;
    this.#lastByteAtMs = performance.now();
    this.signal.throwIfAborted();
    if (this.context.target.claim(this.#block)) {
      this.#written.push(this.#block);
      this.#writing = this.#write(this.#block, this.#filling.subarray(0, size));
      this.#writing.catch(() => undefined); // awaited later, and until then it must not count as unhandled
      [this.#filling, this.#spare] = [this.#spare, this.#filling];
    }
    this.#filled = 0;
    this.#block += 1;
  }

  async #write(block: number, bytes: Uint8Array): Promise<void> {
    await this.context.target.write(block, bytes);
    this.context.onBytes(bytes.length);
  }

  /** Who sends more than the range may have sent another range: forgets all blocks that this attempt has written. */
  async #refuse(asked: number): Promise<never> {
    await this.settle();
    const { target, onBytes } = this.context;
    for (const block of this.#written) {
      target.drop(block);
      onBytes(target.byteOffset(block) - target.byteOffset(block + 1));
    }
    throw this.#fault(`the server sent more than the ${asked} bytes that were asked for`);
  }

  #bytesLeft(): number {
    const { target } = this.context;
    return target.byteOffset(this.part.end) - target.byteOffset(this.#block);
  }

  #fault(text: string): RemoteError {
    return new RemoteError(`${this.context.remote.uri}: ${this.context.target.file.path}: ${text}`, true);
  }
}
