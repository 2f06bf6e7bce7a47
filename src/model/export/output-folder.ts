/** The folder that a conversion fills: it is a model only once everything is in it. */
import { mkdir, mkdtemp, readdir, realpath, rename, rm, rmdir } from "node:fs/promises";
import path from "node:path";
import { ConfigurationError } from "../../errors.js";
import { smallFiles, weightFormats } from "../checkpoint/file-names.js";
import { systemErrorCode } from "../checkpoint/json.js";
import { freeBytes } from "../source/cache/disk.js";
import { isFolder } from "../source/location/folders.js";
import { formatBytes } from "../../telemetry/progress/units.js";
import { onnxFileNames } from "./formats.js";

/** What makes a folder a model: it goes first and comes last. */
const configName = "config.json";

/** Files that a conversion may write, and those that would be read in their place. */
const replacedNames = [
  ...smallFiles,
  "additional_chat_templates",
  ...weightFormats.flatMap(({ file, index }) => [file, index]),
  ...Object.values(onnxFileNames),
];

export class OutputFolder implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    /** Within the folder, and so on the same disk. What is put here is what will be published. */
    private readonly staging: string,
    private readonly isNew: boolean,
  ) {}

  /**
   * Makes the folder, where there is none, and a place in it to write to. To be disposed of in any case.
   * @param source folder that is read: it may not be the same.
   * @throws {ConfigurationError} when the folder has something in it and may not be overwritten, or cannot be written.
   */
  static async open(folder: string, source: string, isOverwriting: boolean): Promise<OutputFolder> {
    const absolute = path.resolve(folder);
    const isNew = await writing(absolute, () => makeFolder(absolute));
    await refuseSource(absolute, source);
    const staging = await writing(absolute, async () => {
      await refuseContents(absolute, isOverwriting);
      return mkdtemp(path.join(absolute, ".convert-"));
    });
    return new OutputFolder(absolute, staging, isNew);
  }

  /** @throws {ConfigurationError} when the disk has not that much room. */
  async checkRoom(bytes: number): Promise<void> {
    const free = await freeBytes(this.folder);
    if (free >= bytes) return;
    throw new ConfigurationError(
      `${this.folder}: the model needs ${formatBytes(bytes)}, and the disk has ${formatBytes(free)} for it; nothing was written`,
    );
  }

  /**
   * Runs `write` with the path of a file to be.
   * @throws {ConfigurationError} when the disk is full, or refuses otherwise.
   */
  async write(name: string, write: (path: string) => Promise<void>): Promise<void> {
    await writing(this.folder, () => write(path.join(this.staging, name)));
  }

  /** Puts what was written in the place of what was there. @returns The names. */
  async publish(): Promise<string[]> {
    const isConfig = (name: string): boolean => name === configName;
    const names = (await readdir(this.staging)).sort((a, b) => Number(isConfig(a)) - Number(isConfig(b)));
    await writing(this.folder, async () => {
      const stale = replacedNames.toSorted((a, b) => Number(isConfig(b)) - Number(isConfig(a)));
      for (const name of stale) await rm(path.join(this.folder, name), { recursive: true, force: true });
      for (const name of names) await rename(path.join(this.staging, name), path.join(this.folder, name));
    });
    return names;
  }

  /** Leaves nothing that was not published, and no folder that was not there. */
  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.staging, { recursive: true, force: true });
    if (this.isNew) await rmdir(this.folder).catch(() => undefined); // it is not empty: it was published
  }
}

/**
 * Makes a folder and those above it, one by one: Node's recursive `mkdir` takes every ENOENT for a missing parent, and
 * tries for ever where the file system says so of a parent that is there, as /proc does.
 * @returns Whether there was none.
 */
async function makeFolder(folder: string): Promise<boolean> {
  if (isFolder(folder)) return false;
  await makeFolder(path.dirname(folder));
  await mkdir(folder);
  return true;
}

async function refuseSource(folder: string, source: string): Promise<void> {
  if ((await realpath(folder)) !== (await realpath(source))) return;
  throw new ConfigurationError(`${folder} is where the model is: convert it to another folder`);
}

/** `lost+found` is at the root of every new volume. */
async function refuseContents(folder: string, isOverwriting: boolean): Promise<void> {
  const present = (await readdir(folder)).filter((name) => name !== "lost+found").sort();
  if (present.length === 0 || isOverwriting) return;
  const rest = present.length > 3 ? ` and ${present.length - 3} more` : "";
  throw new ConfigurationError(
    `${folder} is not empty (${present.slice(0, 3).join(", ")}${rest}): name another folder, or replace the model in it with --overwrite`,
  );
}

/** Runs `write`; an error of the disk is said for whoever named the folder. */
async function writing<T>(folder: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw describeWriteError(error, folder);
  }
}

/** What went wrong, for people; what is none of the disk's errors is given back as it is. */
export function describeWriteError(error: unknown, folder: string): unknown {
  const code = systemErrorCode(error);
  const say = (what: string) => new ConfigurationError(`${folder} ${what} (${code ?? ""})`, { cause: error });
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return say("cannot take the model: the disk is full");
    case "EFBIG":
      return say("cannot take the model: its file would be larger than a file may be");
    case "EEXIST":
    case "ENOTDIR":
      return say("is a file, or lies below one: name a folder");
    case "ENOENT":
    case "EROFS":
    case "EACCES":
    case "EPERM":
    case "EIO":
      return say("cannot be written");
    case undefined:
    default:
      return error;
  }
}
