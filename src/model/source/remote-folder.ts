/** A model's folder on another machine: what every store (S3, HTTP, Hugging Face) offers to the downloader. */

/** One file of a remote folder, as the store lists it. */
export interface RemoteFile {
  /** Relative to the folder, with `/` between its parts. Comes from outside: not yet safe as a local path. */
  readonly path: string;
  readonly byteLength: number;
  /** Another one when the content is another: the ETag as the store writes it. Undefined when it has none. */
  readonly version: string | undefined;
}

export interface RemoteFolder {
  /** For people and logs, e.g. `s3://models/gpt2/`. Has no credentials in it. */
  readonly uri: string;

  /**
   * The folder's files, with those in folders below it; an empty list when there is nothing.
   * @throws {RemoteError} when the store refuses or cannot be reached.
   */
  list(signal: AbortSignal): Promise<readonly RemoteFile[]>;

  /**
   * The bytes [start, end) of a listed file, in pieces as they arrive. A store that ends early, or goes on, is not
   * an error here: the caller counts.
   *
   * @throws {RemoteChangedError} when the file is no longer the version that was listed.
   * @throws {RemoteError} when the store refuses, cannot be reached or breaks off.
   */
  read(file: RemoteFile, start: number, end: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** What went wrong with a store, said for the operator: which bucket, key, host, and what was tried. */
export class RemoteError extends Error {
  override readonly name = "RemoteError";

  constructor(
    message: string,
    /** Whether the same request may work in a moment: a 5xx, throttling, a reset, a stall. */
    readonly isTransient: boolean,
    options?: ErrorOptions & {
      /** How long the store asks to wait before the next try. */
      readonly retryAfterMs?: number | undefined;
      /** Nobody could be asked, as when a name is unknown. By default only what is transient is an outage. */
      readonly isOutage?: boolean | undefined;
    },
  ) {
    super(message, options);
    this.retryAfterMs = options?.retryAfterMs;
    this.isOutage = options?.isOutage ?? isTransient;
  }

  readonly retryAfterMs: number | undefined;
  /** The store said nothing about the model: an earlier copy of it may be as good as ever. */
  readonly isOutage: boolean;
}

/** The file was replaced since it was listed: what was read of it belongs to a model that is gone. */
export class RemoteChangedError extends Error {
  override readonly name = "RemoteChangedError";

  constructor(readonly path: string) {
    super(`${path} was changed during the download`);
  }
}
