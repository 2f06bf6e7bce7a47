/**
 * The record of which blocks of a download are on disk, so that a process that is killed goes on where it was.
 *
 * A text file: the first line says of which version of which files it is, each further one which blocks of a file are
 * there, with their digests. Nothing is synced on the way, which would hold up the transfer: a process that dies takes
 * nothing of the page cache with it, and what a power cut takes is found when the blocks are compared with the digests.
 */
import { open, type FileHandle } from "node:fs/promises";
import { isJsonObject } from "../../checkpoint/json.js";
import { digestBytes } from "./block-digest.js";
import type { BlockFile, BlockRange } from "./block-file.js";

/** Digests of the blocks that are there, for each file in the order of the header. */
export type JournalBlocks = ReadonlyMap<number, ReadonlyMap<number, Uint8Array>>;

interface Entry {
  readonly file: number;
  readonly target: BlockFile;
  readonly range: BlockRange;
}

const longestLine = 2 ** 24; // a part of 256 GiB

export class Journal {
  #waiting: Entry[] = [];
  #writing: Promise<void> | undefined;
  #failure: Error | undefined;

  private constructor(
    private readonly handle: FileHandle,
    /** What earlier processes have recorded. */
    readonly blocks: JournalBlocks,
    private readonly onFailure: (error: Error) => void,
  ) {}

  /**
   * @param header Of this version of the model: a journal with another one is dropped. Plain JSON.
   * @param onFailure Told when a record cannot be written; `settle` throws it, too.
   */
  static async open(path: string, header: object, onFailure: (error: Error) => void): Promise<Journal> {
    const handle = await open(path, "a+");
    try {
      const firstLine = `${JSON.stringify(header)}\n`;
      const { blocks, byteLength } = readRecords(await handle.readFile("utf8"), firstLine);
      await handle.truncate(byteLength); // a line that was cut off must not run into the next one
      if (byteLength === 0) await handle.appendFile(firstLine);
      return new Journal(handle, blocks, onFailure);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Records blocks that were written. Does not wait for the record. */
  add(file: number, target: BlockFile, range: BlockRange): void {
    this.#waiting.push({ file, target, range });
    this.#writing ??= this.#writeAll();
  }

  /** Ends when all records are written. @throws What the file system threw. */
  async settle(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.handle.close();
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.handle.appendFile(this.#waiting.splice(0).map(renderRecord).join(""));
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.onFailure(this.#failure);
    }
    this.#writing = undefined;
  }
}

/** The first line of a journal, for those who list what is in a cache; undefined when there is none. */
export function parseHeader(text: string): unknown {
  try {
    return JSON.parse(text.slice(0, text.indexOf("\n")));
  } catch {
    return undefined;
  }
}

function renderRecord({ file, target, range }: Entry): string {
  const digests = Buffer.from(target.digestsOf(range)).toString("base64");
  return `${JSON.stringify({ file, block: range.start, digests })}\n`;
}

/** What can be read up to the first line that is not whole, and how long that is. */
function readRecords(text: string, firstLine: string): { readonly blocks: JournalBlocks; readonly byteLength: number } {
  const blocks = new Map<number, Map<number, Uint8Array>>();
  if (!text.startsWith(firstLine)) return { blocks, byteLength: 0 };
  let position = firstLine.length;
  for (;;) {
    const end = text.indexOf("\n", position);
    const record = end < 0 || end - position > longestLine ? undefined : parseRecord(text.slice(position, end));
    if (record === undefined) return { blocks, byteLength: Buffer.byteLength(text.slice(0, position)) };
    const known = blocks.get(record.file) ?? new Map<number, Uint8Array>();
    blocks.set(record.file, known);
    for (const [index, digest] of record.digests.entries()) known.set(record.block + index, digest);
    position = end + 1;
  }
}

function parseRecord(line: string) {
  const value = parseHeader(`${line}\n`);
  if (!isJsonObject(value)) return undefined;
  const { file, block, digests: encoded } = value;
  if (typeof file !== "number" || typeof block !== "number" || typeof encoded !== "string") return undefined;
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.length % digestBytes !== 0) return undefined;
  const count = bytes.length / digestBytes;
  const digests = Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * digestBytes, (index + 1) * digestBytes),
  );
  return { file, block, digests };
}
