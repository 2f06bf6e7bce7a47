/**
 * The digest of a model that is served. Of a model that was fetched it is known at once, and one that has to be a
 * certain one is read before it is loaded. Any other is read once it serves: reading costs more than a second of a core
 * for each GB, which no start should wait for (docs/decisions/0022-model-digest.md).
 */
import { open } from "node:fs/promises";
import { CheckpointError, ConfigurationError } from "../../errors.js";
import { stampOf } from "../source/cache/manifest.js";
import { digestFile } from "../source/download/block-digest.js";
import { modelDigest, type FileDigest } from "./combine.js";
import { listLocalFiles, type LocalFile } from "./local-files.js";

export interface DigestOptions {
  /** Where the model is: a folder or a GGUF file. */
  readonly model: string;
  /** Of a model that was fetched. */
  readonly known?: string | undefined;
  /** The only one that may be served. */
  readonly expected?: string | undefined;
}

/** Beside requests a block is read at a time, so that they keep their cores; where the start waits, several are. */
const blocksBesideRequests = 1;
const blocksAtStart = 4;

/**
 * To be called before the model is loaded: what is listed then is what will be read.
 * @throws {ConfigurationError} when another digest is expected, or there is no model.
 * @throws {CheckpointError} when an expected model is not complete, or cannot be read.
 */
export async function openModelDigest({ model, known, expected }: DigestOptions): Promise<ModelDigest> {
  const digest = known === undefined ? new ModelDigest(listLocalFiles(model)) : new ModelDigest(noFiles, known);
  if (expected === undefined) return digest;
  const found = await digest.read(new AbortController().signal, blocksAtStart);
  if (found === expected) return digest;
  throw new ConfigurationError(
    `the model in ${model} has the digest ${found}, and --model-digest asks for ${expected}`,
  );
}

const noFiles = Promise.resolve([]);

/** The digest of a local model's files as they are now. @throws As {@link openModelDigest}. */
export async function digestLocalModel(model: string): Promise<string> {
  const digest = new ModelDigest(listLocalFiles(model));
  return digest.read(new AbortController().signal, blocksAtStart);
}

export class ModelDigest {
  #value: string | undefined;

  /**
   * @param files what is to be read; if it fails, so does every `read`.
   * @param known if it is, nothing is read.
   */
  constructor(
    private readonly files: Promise<readonly LocalFile[]>,
    known?: string,
  ) {
    this.#value = known;
    files.catch(() => undefined); // told by `read`; loading the model tells it first, and better
  }

  /** `sha256:` and 64 hexadecimal digits; undefined until the files were read. */
  get value(): string | undefined {
    return this.#value;
  }

  /**
   * Reads the files, unless the digest is known.
   * @throws {CheckpointError} when a file was changed since the digest was opened: what is loaded may be either.
   * @throws {ConfigurationError} when there is no model.
   */
  async read(signal: AbortSignal, blocksAtOnce: number = blocksBesideRequests): Promise<string> {
    if (this.#value !== undefined) return this.#value;
    const digests: FileDigest[] = [];
    for (const file of await this.files) digests.push(await digestOf(file, signal, blocksAtOnce));
    this.#value = modelDigest(digests);
    return this.#value;
  }
}

async function digestOf(
  { path, location, byteLength, stamp }: LocalFile,
  signal: AbortSignal,
  blocksAtOnce: number,
): Promise<FileDigest> {
  const handle = await open(location);
  try {
    const digest = await digestFile(handle, byteLength, signal, blocksAtOnce);
    const now = await stampOf(location);
    if (now.stamp === stamp && now.byteLength === byteLength) return { path, digest };
    throw new CheckpointError(`${location} was changed meanwhile: the digest of what was loaded is not known`);
  } finally {
    await handle.close();
  }
}
