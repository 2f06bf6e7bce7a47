/**
 * Where things are in a cache:
 *
 * - `entries/KEY/`: one version of one model. The key is made of the URI and the versions that the store lists.
 *   - `model/NAME/`: the files, as they are in the store. NAME is what the model is called.
 *   - `journal`: which blocks are there, with their digests.
 *   - `manifest.json`: written last. An entry with a manifest is complete, one without is never served.
 *   - `used`: an empty file; its time is when the entry was last used.
 *   - `users/`: a file for each process that uses the entry.
 * - `locks/KEY/`: who downloads, checks or removes the entry.
 * - `clock`: an empty file, to ask the file system what time it is.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { ConfigurationError } from "../../../errors.js";
import { systemErrorCode } from "../../checkpoint/json.js";
import type { Listing } from "../listing.js";
import { defaultTiming, type HeartbeatTiming } from "./living-process.js";
import type { LockOptions } from "./lock.js";

/** Where the cache is when no setting names a folder. */
export function defaultCacheFolder(): string {
  return join(homedir(), ".cache/ortler/models");
}

export interface EntryPaths {
  readonly key: string;
  readonly folder: string;
  readonly model: string;
  readonly journal: string;
  readonly manifest: string;
  readonly used: string;
  readonly users: string;
}

export class CacheFolder {
  readonly folder: string;

  constructor(
    folder: string,
    readonly timing: HeartbeatTiming = defaultTiming,
  ) {
    this.folder = resolve(folder);
  }

  /** Makes the folders. @throws {ConfigurationError} when nothing can be written there. */
  async create(): Promise<void> {
    try {
      await mkdir(join(this.folder, "entries"), { recursive: true });
      await mkdir(join(this.folder, "locks"), { recursive: true });
    } catch (cause) {
      const why = systemErrorCode(cause) ?? String(cause);
      throw new ConfigurationError(`model cache ${this.folder} cannot be written (${why})`, { cause });
    }
  }

  entry(key: string): EntryPaths {
    const folder = join(this.folder, "entries", key);
    const [model = "", journal = "", manifest = "", used = "", users = ""] = [
      "model",
      "journal",
      "manifest.json",
      "used",
      "users",
    ].map((name) => join(folder, name));
    return { key, folder, model, journal, manifest, used, users };
  }

  /** All there are, complete or not; none when there is no cache. */
  async entries(): Promise<EntryPaths[]> {
    const names = await readdir(join(this.folder, "entries")).catch((error: unknown) => {
      if (systemErrorCode(error) === "ENOENT") return [];
      throw error;
    });
    return names.filter((name) => /^[0-9a-f]+$/.test(name)).map((name) => this.entry(name));
  }

  lockOptions({ key }: EntryPaths): LockOptions {
    return { ...this.timing, folder: join(this.folder, "locks", key), cacheFolder: this.folder };
  }
}

/**
 * The key of what a store lists: another one as soon as any file of the model is another.
 *
 * @param salt For stores that do not tell versions: nothing may be taken for the same then.
 */
export function entryKey({ uri, files }: Listing, salt: string): string {
  const described = [...files.values()].map(({ path, byteLength, version }) => [path, byteLength, version ?? ""]);
  const text = JSON.stringify([uri, salt, described.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1))]);
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

/** What a model is called: the last name in its URI, as far as it can be a folder's. */
export function modelName(uri: string): string {
  const path = uri.replace(/^[a-z0-9+.-]+:\/\//i, "").replace(/\/+$/, "");
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/^(?=.)\.+|:.*$/g, "");
  return name.replace(/[^\w.-]/g, "_").slice(0, 100) || "model";
}
