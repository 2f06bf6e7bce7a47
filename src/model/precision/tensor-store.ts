/**
 * Files of tensors made at load: in a folder for later starts, or in a temporary one until a session has them. ONNX
 * Runtime maps them like a checkpoint's, so that no start holds quantised weights twice.
 */
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ConfigurationError, InternalError } from "../../errors.js";
import { systemErrorCode } from "../checkpoint/json.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import { isWhole, readTensorFile } from "./tensor-file.js";

export interface OpenedTensors {
  /** By name; their `file` is relative to the checkpoint's folder. */
  readonly tensors: ReadonlyMap<string, TensorRecord>;
  /** Absolute. */
  readonly file: string;
  /**
   * Reads the whole file, which may take as long as making a session of it: what is made meanwhile may be used, and kept,
   * once this is fulfilled.
   * @throws {DamagedFileError} when the file is not what was once written.
   */
  readonly check: () => Promise<void>;
}

/** A file of tensors was changed by something else than the server. */
export class DamagedFileError extends InternalError {
  constructor(readonly file: string) {
    super(`${file} is not what was written to it`);
  }
}

/** Does `work` a second time when the first found a damaged file, which is removed, so that it is made anew. */
export async function mendingDamage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DamagedFileError)) throw error;
    await rm(error.file, { force: true });
    return work();
  }
}

export class TensorStore implements AsyncDisposable {
  #opened: string | undefined;

  /** @param cache where files stay for later starts; absent, they go with the store. */
  constructor(
    private readonly cache: string | undefined,
    private readonly checkpointFolder: string,
  ) {}

  /**
   * The tensors that an earlier start left under `name`; those that `make` writes to the path it is given, where there
   * are none or they are damaged.
   * @throws {ConfigurationError} when the folder cannot be made or written.
   */
  async get(name: string, make: (file: string) => Promise<void>): Promise<OpenedTensors> {
    return mendingDamage(async () => {
      const opened = await this.open(name, make);
      await opened.check();
      return opened;
    });
  }

  /**
   * As `get`, but it is up to the caller to await the check, and to mend what it finds.
   * @throws {ConfigurationError} when the folder cannot be made or written.
   */
  async open(name: string, make: (file: string) => Promise<void>): Promise<OpenedTensors> {
    const folder = await this.#folder();
    const file = path.join(folder, `${name}.safetensors`);
    const known = await readTensorFile(file, this.checkpointFolder);
    if (known !== undefined) return opened(file, known);
    await make(file).catch((error: unknown) => {
      throw writeErrors.has(systemErrorCode(error) ?? "") ? unwritable(folder, error) : error;
    });
    const made = await readTensorFile(file, this.checkpointFolder);
    if (made === undefined) throw new DamagedFileError(file);
    return opened(file, made);
  }

  async #folder(): Promise<string> {
    if (this.#opened !== undefined) return this.#opened;
    try {
      if (this.cache !== undefined) await mkdir(this.cache, { recursive: true });
      this.#opened = await realpath(this.cache ?? (await mkdtemp(path.join(tmpdir(), "ortler-"))));
      return this.#opened;
    } catch (error) {
      throw unwritable(this.cache ?? tmpdir(), error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.cache !== undefined || this.#opened === undefined) return;
    await rm(this.#opened, { recursive: true, force: true });
  }
}

function opened(file: string, tensors: OpenedTensors["tensors"]): OpenedTensors {
  const check = async (): Promise<void> => {
    if (!(await isWhole(file))) throw new DamagedFileError(file);
  };
  return { file, tensors, check };
}

const writeErrors: ReadonlySet<string> = new Set(["EACCES", "EDQUOT", "EFBIG", "ENOSPC", "EPERM", "EROFS"]);

function unwritable(folder: string, error: unknown): ConfigurationError {
  const code = systemErrorCode(error) ?? String(error);
  return new ConfigurationError(
    `cannot keep quantised weights in ${folder} (${code}): name a folder for them that can be written`,
    { cause: error },
  );
}
