/**
 * Checksums of files that arrive in any order: a file is cut into blocks of 1 MiB, each has its SHA-256, and the file's
 * digest is the SHA-256 of those, joined. So parts can be checked alone, on several cores, and the digest does not
 * depend on how the file was cut for the transfer.
 */
import { createHash, subtle } from "node:crypto";
import type { FileHandle } from "node:fs/promises";

export const blockBytes = 2 ** 20;
/** Of one SHA-256. */
export const digestBytes = 32;

export function blockCountOf(byteLength: number): number {
  return Math.ceil(byteLength / blockBytes);
}

/** Computed on a thread of libuv's pool: the event loop stays free. */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await subtle.digest("SHA-256", bytes));
}

/**
 * @param digests The blocks' digests, joined.
 * @returns `sha256:` and 64 hexadecimal digits.
 */
export function fileDigest(digests: Uint8Array): string {
  return `sha256:${createHash("sha256").update(digests).digest("hex")}`;
}

const defaultBlocksAtOnce = 4; // threads that libuv has

/**
 * Reads a file's blocks and computes their digests, several at a time.
 *
 * @param wanted Which blocks to read, and what to do with the digest of each; it is undefined where the file ends early.
 */
export async function digestBlocks(
  handle: FileHandle,
  byteLength: number,
  blocks: Iterable<number>,
  onDigest: (block: number, digest: Uint8Array | undefined) => void,
  signal: AbortSignal,
  blocksAtOnce: number = defaultBlocksAtOnce,
): Promise<void> {
  const queue = blocks[Symbol.iterator]();
  const digestNext = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafeSlow(Math.min(blockBytes, byteLength));
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      signal.throwIfAborted();
      const start = next.value * blockBytes;
      const bytes = buffer.subarray(0, Math.min(blockBytes, byteLength - start));
      onDigest(next.value, (await readFully(handle, bytes, start)) ? await sha256(bytes) : undefined);
    }
  };
  await Promise.all(Array.from({ length: blocksAtOnce }, digestNext));
}

/** The digest of a whole file on disk. */
export async function digestFile(
  handle: FileHandle,
  byteLength: number,
  signal: AbortSignal,
  blocksAtOnce?: number,
): Promise<string> {
  const count = blockCountOf(byteLength);
  const digests = Buffer.alloc(count * digestBytes);
  const put = (block: number, digest: Uint8Array | undefined) => digests.set(digest ?? [], block * digestBytes);
  await digestBlocks(handle, byteLength, Array(count).keys(), put, signal, blocksAtOnce);
  return fileDigest(digests);
}

async function readFully(handle: FileHandle, bytes: Buffer, start: number): Promise<boolean> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}
