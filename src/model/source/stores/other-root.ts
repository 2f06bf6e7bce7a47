/**
 * A folder that only a link of /proc leads to: the file system of another container (`/proc/PID/root/models`, where KServe
 * has the model of an OCI image). What it holds can be opened, but has no path here: resolving the links gives one of that
 * other file system. ONNX Runtime resolves the path of every file before it maps it, so such a model is fetched like
 * one from a store.
 */
import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { systemErrorCode } from "../../checkpoint/json.js";
import { RemoteChangedError, RemoteError, type RemoteFile, type RemoteFolder } from "../remote-folder.js";

/** Whether the links on the way to `path` lead to another root. False for what does not exist. */
export async function isInOtherRoot(path: string): Promise<boolean> {
  const found = await identityOf(path);
  if (found === undefined) return false;
  const resolved = await realpath(path).catch(() => undefined);
  return resolved === undefined || (await identityOf(resolved)) !== found;
}

async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? undefined : `${found.dev} ${found.ino}`;
}

export class OtherRoot implements RemoteFolder {
  readonly uri: string;

  constructor(private readonly folder: string) {
    this.uri = pathToFileURL(folder).href;
  }

  async list(): Promise<readonly RemoteFile[]> {
    try {
      const found = await readdir(this.folder, { recursive: true, withFileTypes: true });
      const paths = found.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
      return (await Promise.all(paths.map((path) => this.#file(path)))).filter((file) => file !== undefined);
    } catch (error) {
      throw unreadable(this.folder, error);
    }
  }

  async *read(
    { path, version }: RemoteFile,
    start: number,
    end: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const file = join(this.folder, path);
    if ((await this.#file(file))?.version !== version) throw new RemoteChangedError(path);
    if (start === end) return;
    try {
      yield* createReadStream(file, { start, end: end - 1, signal }) as AsyncIterable<Uint8Array>;
    } catch (error) {
      signal.throwIfAborted();
      throw unreadable(file, error);
    }
  }

  /** Undefined for what is no file, through links. */
  async #file(path: string): Promise<RemoteFile | undefined> {
    const found = await stat(path, { bigint: true }).catch(() => undefined);
    if (found?.isFile() !== true) return undefined;
    const version = `${found.size} ${found.mtimeNs}`;
    return { path: relative(this.folder, path), byteLength: Number(found.size), version };
  }
}

function unreadable(path: string, cause: unknown): RemoteError {
  return new RemoteError(`${path} cannot be read (${systemErrorCode(cause) ?? String(cause)})`, false, { cause });
}
