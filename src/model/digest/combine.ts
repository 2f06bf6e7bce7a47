/**
 * One digest for all files of a checkpoint: the SHA-256 of a line `sha256:HEX PATH` for each of them, sorted. A file's
 * own digest is that of `source/download/block-digest.ts`. Which folder the checkpoint is in, where it came from and in
 * which order its files are read makes no difference; docs/model-sources.md has the same as a line of shell.
 */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import { isGgufPath } from "../checkpoint/gguf/path.js";

export interface FileDigest {
  /** Relative to a folder that has the checkpoint, with `/` between its parts. */
  readonly path: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
}

/** @returns `sha256:` and 64 hexadecimal digits. */
export function modelDigest(files: readonly FileDigest[]): string {
  const lines = checkpointFiles(files).map(({ path, digest }) => `${digest} ${path}\n`);
  return `sha256:${createHash("sha256").update(lines.sort().join("")).digest("hex")}`;
}

/**
 * The files of the one checkpoint among them, by their paths in its own folder: Caikit's `config.yml` above the
 * artifacts, or the folder around the one model of a store, say nothing of what the model answers. A GGUF file is a
 * checkpoint alone.
 */
function checkpointFiles(files: readonly FileDigest[]): readonly FileDigest[] {
  const gguf = files.find(({ path }) => isGgufPath(path));
  if (gguf !== undefined) return [{ ...gguf, path: posix.basename(gguf.path) }];
  const root = checkpointFolder(files);
  return files
    .filter(({ path }) => path.startsWith(root))
    .map((file) => ({ ...file, path: file.path.slice(root.length) }));
}

/** Empty, or with `/` at its end: where `config.json` is. A folder of chat templates below may have another one. */
function checkpointFolder(files: readonly FileDigest[]): string {
  const configs = files.map(({ path }) => path).filter((path) => posix.basename(path) === "config.json");
  const [config = ""] = configs.sort((a, b) => a.length - b.length);
  return config.slice(0, config.lastIndexOf("/") + 1);
}
