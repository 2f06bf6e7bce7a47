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
import { readTensorFile } from "./tensor-file.js";

export interface OpenedTensors {
  /** By name; their `file` is relative to the checkpoint's folder. */
  readonly tensors: ReadonlyMap<string, TensorRecord>;
  /** Absolute. */
  readonly file: string;
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
    const folder = await this.#folder();
    const file = path.join(folder, `${name}.safetensors`);
    const known = await readTensorFile(file, this.checkpointFolder);
    if (known !== undefined) return { tensors: known, file };
    await make(file).catch((error: unknown) => {
      throw writeErrors.has(systemErrorCode(error) ?? "") ? unwritable(folder, error) : error;
    });
    const made = await readTensorFile(file, this.checkpointFolder);
    if (made === undefined) throw new InternalError(`${file} is not what was written to it`);
    return { tensors: made, file };
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

const writeErrors: ReadonlySet<string> = new Set(["EACCES", "EDQUOT", "EFBIG", "ENOSPC", "EPERM", "EROFS"]);

function unwritable(folder: string, error: unknown): ConfigurationError {
  const code = systemErrorCode(error) ?? String(error);
  return new ConfigurationError(
    `cannot keep quantised weights in ${folder} (${code}): name a folder for them that can be written`,
    { cause: error },
  );
}
