/**
 * A model's folder in a store, or on a disk, that is looked at again and again. Where it has an upload manifest, only
 * what that names is there: leftovers of an earlier model beside it never become part of this one.
 */
import { createHash } from "node:crypto";
import { CheckpointError, ConfigurationError } from "../../../errors.js";
import { entryKey } from "../cache/cache-folder.js";
import { readRemoteText } from "../download/read-text.js";
import { checkListing } from "../listing.js";
import { RemoteError, type RemoteFile, type RemoteFolder } from "../remote-folder.js";
import { missingFrom, parseUploadManifest, uploadManifestName, type UploadManifest } from "./upload-manifest.js";

/** What one look has found. */
export interface Sight {
  /** Another one when there may be another model: of the manifest's text, or without one of all files. */
  readonly model: string;
  /** Another one when any file of the model is another. */
  readonly contents: string;
  /** Those that a model can have. */
  readonly files: readonly RemoteFile[];
  readonly manifest: UploadManifest | undefined;
  /** Why it is not a whole model, as far as a listing can tell. */
  readonly fault: string | undefined;
}

/** The next look comes soon. */
const once = { attempts: 1, firstDelayMs: 0, maxDelayMs: 0 };

export class WatchedFolder implements RemoteFolder {
  #lastSight: Sight | undefined;

  constructor(private readonly store: RemoteFolder) {}

  get uri(): string {
    return this.store.uri;
  }

  /** Undefined while there was none, and after one that failed. */
  get lastSight(): Sight | undefined {
    return this.#lastSight;
  }

  /**
   * @throws {RemoteError} when the store refuses or cannot be reached.
   * @throws {RemoteChangedError} when the manifest is replaced meanwhile.
   * @throws {ConfigurationError} when the store lists a path that must not become a local one.
   */
  async look(signal: AbortSignal): Promise<Sight> {
    this.#lastSight = undefined;
    const listed = await this.store.list(signal);
    const announcement = listed.find(({ path }) => path === uploadManifestName);
    this.#lastSight =
      announcement === undefined
        ? this.#sightOf(listed)
        : this.#announced(await readRemoteText(this.store, announcement, once, signal), listed);
    return this.#lastSight;
  }

  /** For the downloader. @throws {RemoteError} that is transient, too, when the model is not complete. */
  async list(signal: AbortSignal): Promise<readonly RemoteFile[]> {
    const { files, fault } = await this.look(signal);
    if (fault !== undefined) throw new RemoteError(`${this.uri}: the model is not complete: ${fault}`, true);
    return files;
  }

  read(file: RemoteFile, start: number, end: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.store.read(file, start, end, signal);
  }

  #sightOf(listed: readonly RemoteFile[]): Sight {
    const listing = checkListing(this.uri, listed);
    const contents = entryKey(listing, "");
    return { model: contents, contents, files: [...listing.files.values()], manifest: undefined, fault: undefined };
  }

  #announced(text: string, listed: readonly RemoteFile[]): Sight {
    const model = createHash("sha256").update(text).digest("hex");
    try {
      const manifest = parseUploadManifest(text, this.uri);
      const sight = this.#sightOf(listed.filter(({ path }) => manifest.has(path)));
      return { ...sight, model, manifest, fault: missingFrom(sight.files, manifest) };
    } catch (error) {
      if (!(error instanceof CheckpointError || error instanceof ConfigurationError)) throw error;
      return { model, contents: model, files: [], manifest: new Map(), fault: error.message };
    }
  }
}
