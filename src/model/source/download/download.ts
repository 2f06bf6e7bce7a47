/** Brings the files of a model into a folder: what a journal says is there stays, the rest is fetched in parts. */
import { constants } from "node:fs";
import { mkdir, open, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ProgressMeter } from "../../../telemetry/progress/index.js";
import type { NeededFiles } from "../needed-files.js";
import { RemoteError, type RemoteFile, type RemoteFolder } from "../remote-folder.js";
import { blockBytes } from "./block-digest.js";
import { BlockFile, type BlockRange } from "./block-file.js";
import { Journal } from "./journal.js";
import { fetchPart, type PartOptions } from "./part.js";
import { forEachAtOnce } from "./workers.js";

export interface DownloadOptions extends PartOptions {
  /** Bytes that one request asks for, rounded up to whole blocks of 1 MiB. No matter for memory: see `Attempt`. */
  readonly partBytes: number;
  /** Parts that are fetched at once. Each takes 2 MiB of buffers; twice that while a silent one is raced. */
  readonly concurrency: number;
  /** Opens a file for reading and writing, made if need be; tests give broken disks. */
  readonly openFile?: (path: string) => Promise<FileHandle>;
}

export interface DownloadTarget {
  /** Where the files go. */
  readonly folder: string;
  readonly journal: string;
}

interface Part {
  readonly file: number;
  readonly target: BlockFile;
  readonly range: BlockRange;
}

export class Download {
  readonly #failed = new AbortController();
  readonly #targets: BlockFile[] = [];
  #journal: Journal | undefined;

  private constructor(
    private readonly remote: RemoteFolder,
    private readonly files: NeededFiles,
    private readonly target: DownloadTarget,
    private readonly options: DownloadOptions,
    private readonly meter: ProgressMeter,
  ) {}

  /** Makes the files in their whole length, and looks at what of them is there already. To be closed. */
  static async open(
    source: { readonly remote: RemoteFolder; readonly files: NeededFiles },
    target: DownloadTarget,
    options: DownloadOptions,
    meter: ProgressMeter,
    signal: AbortSignal,
  ): Promise<Download> {
    const download = new Download(source.remote, source.files, target, options, meter);
    try {
      await download.#open(signal);
      return download;
    } catch (error) {
      await download.close();
      throw error;
    }
  }

  /**
   * Fetches what is missing: small files first.
   *
   * @param onSmallFiles Called when all but the weights is there; if it fails, the download ends with its error.
   */
  async run(onSmallFiles: () => void | Promise<void>, signal: AbortSignal): Promise<void> {
    const { concurrency } = this.options;
    const smallCount = this.files.small.length;
    const parts = this.#targets.flatMap((target, file) => this.#missingParts(target, file));
    let smallParts = parts.filter(({ file }) => file < smallCount).length;
    let preparing: Promise<void> | undefined;
    const prepare = () => {
      if (smallParts > 0) return;
      preparing ??= Promise.resolve().then(onSmallFiles);
      preparing.catch((error: unknown) => this.#failed.abort(error));
    };

    this.#beginDownloading();
    prepare();
    const fetch = async (part: Part, partSignal: AbortSignal) => {
      await this.#fetch(part, partSignal);
      if (part.file < smallCount) smallParts -= 1;
      prepare();
    };
    await forEachAtOnce(parts, concurrency, fetch, AbortSignal.any([signal, this.#failed.signal]));
    await preparing;
  }

  /** Everything is on disk, whatever happens now. */
  async sync(): Promise<void> {
    await this.#journal?.settle();
    await Promise.all(this.#targets.map((target) => target.sync()));
  }

  /** Of the whole files, in the order in which they were fetched. */
  digests(): { readonly path: string; readonly byteLength: number; readonly digest: string }[] {
    return this.#targets.map((target) => ({
      path: target.file.path,
      byteLength: target.file.byteLength,
      digest: target.digest(),
    }));
  }

  async close(): Promise<void> {
    await this.#journal?.close();
    await Promise.all(this.#targets.map((target) => target.close()));
  }

  async #open(signal: AbortSignal): Promise<void> {
    const files = [...this.files.small, ...this.files.weights];
    for (const file of files) this.#targets.push(new BlockFile(file, await this.#openFile(file)));
    const versions = files.map(({ path, byteLength, version }) => ({ path, byteLength, version: version ?? null }));
    const header = { uri: this.remote.uri, files: versions };
    this.#journal = await Journal.open(this.target.journal, header, (error) => this.#failed.abort(error));
    await this.#adopt(this.#journal, signal);
  }

  async #openFile({ path, byteLength }: RemoteFile): Promise<FileHandle> {
    const local = join(this.target.folder, path);
    await mkdir(dirname(local), { recursive: true });
    const handle = await (this.options.openFile ?? openOrCreate)(local);
    try {
      if ((await handle.stat()).isFile()) await handle.truncate(byteLength);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Not on trust: what a journal says was written may have been damaged since. */
  async #adopt({ blocks }: Journal, signal: AbortSignal): Promise<void> {
    const recorded = [...blocks.values()].reduce((sum, { size }) => sum + size * blockBytes, 0);
    if (recorded > 0) this.meter.begin("verifying", recorded);
    for (const [index, target] of this.#targets.entries()) {
      await target.adopt(blocks.get(index) ?? new Map<number, never>(), (bytes) => this.meter.add(bytes), signal);
    }
  }

  #beginDownloading(): void {
    const total = this.#targets.reduce((sum, { file }) => sum + file.byteLength, 0);
    const done = this.#targets.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0);
    this.meter.begin("downloading", total, done);
  }

  #missingParts(target: BlockFile, file: number): Part[] {
    const maxBlocks = Math.max(1, Math.ceil(this.options.partBytes / blockBytes));
    return target.missingRanges(maxBlocks).map((range) => ({ file, target, range }));
  }

  async #fetch({ file, target, range }: Part, signal: AbortSignal): Promise<void> {
    const context = { remote: this.remote, target, onBytes: (bytes: number) => this.meter.add(bytes) };
    await fetchPart(context, range, this.options, signal).catch((error: unknown) => {
      throw namingFile(error, target.file);
    });
    this.#journal?.add(file, target, range);
  }
}

/** Stores speak of keys and URLs, most of which have the path in them. */
function namingFile(error: unknown, { path }: RemoteFile): unknown {
  if (!(error instanceof RemoteError) || error.message.includes(path)) return error;
  return new RemoteError(`${path}: ${error.message}`, error.isTransient, { cause: error });
}

/** Not through a symbolic link: it would lead out of the cache. */
function openOrCreate(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o644);
}
