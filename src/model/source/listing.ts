/** What a store lists, checked: the paths come from outside and become paths on this disk. */
import { ConfigurationError } from "../../errors.js";
import type { RemoteFile } from "./remote-folder.js";

/** The files of a remote folder that a model can have, by path; every path is safe below a local folder. */
export interface Listing {
  /** For messages. */
  readonly uri: string;
  readonly files: ReadonlyMap<string, RemoteFile>;
  /** Paths of all that the store lists, for messages only: not checked. */
  readonly found: readonly string[];
}

/** File systems allow no longer names; S3 allows no longer keys. */
const maxNameBytes = 255;
const maxPathBytes = 1024;

/**
 * Names that a model's files have. What else is in the folder (training leftovers, ONNX, other frameworks' weights) is
 * never looked at.
 */
const modelFile =
  /(^|\/)(config\.(json|yml)|(generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json|merges\.txt|chat_template\.jinja|additional_chat_templates\/[^/]*|pytorch_model[^/]*\.bin|[^/]*\.(safetensors|gguf)|(model\.safetensors|pytorch_model\.bin)\.index\.json)$/;

/** @throws {ConfigurationError} naming the path that must not become a local one, or the length that is none. */
export function checkListing(uri: string, listed: readonly RemoteFile[]): Listing {
  const files = new Map<string, RemoteFile>();
  for (const file of listed) {
    if (!modelFile.test(file.path)) continue;
    const fault = pathFault(file.path) ?? (files.has(file.path) ? "is listed twice" : undefined) ?? lengthFault(file);
    if (fault !== undefined) throw refused(uri, file.path, fault);
    files.set(file.path, file);
  }
  for (const path of files.keys()) {
    const folder = foldersOf(path).find((name) => files.has(name));
    if (folder !== undefined) throw refused(uri, folder, "is a file and a folder");
  }
  return { uri, files, found: listed.map(({ path }) => path) };
}

/** The first few of the paths that were found, for messages. */
export function describeFound({ found }: Listing): string {
  const shown = found.slice(0, 10).map((path) => quoted(path));
  return shown.join(", ") + (found.length > shown.length ? ` and ${found.length - shown.length} more` : "");
}

/** A text from outside, as it can be printed. */
export function quoted(text: string): string {
  const short = text.length > 200 ? `${text.slice(0, 200)}...` : text;
  return /^[\w./-]+$/.test(short) ? short : JSON.stringify(short);
}

function pathFault(path: string): string | undefined {
  // eslint-disable-next-line no-control-regex -- these are what it is about
  if (/[\u0000-\u001f\u007f\\]/.test(path)) return "has a control character or a backslash in it";
  if (path.startsWith("/")) return "is absolute";
  const names = path.split("/");
  if (names.some((name) => name === "" || name === "." || name === "..")) return "has an empty part, . or .. in it";
  const isTooLong =
    Buffer.byteLength(path) > maxPathBytes || names.some((name) => Buffer.byteLength(name) > maxNameBytes);
  return isTooLong ? `is longer than ${maxPathBytes} bytes, or a part of it than ${maxNameBytes}` : undefined;
}

function lengthFault({ byteLength }: RemoteFile): string | undefined {
  return Number.isSafeInteger(byteLength) && byteLength >= 0 ? undefined : `has a length of ${byteLength} bytes`;
}

function foldersOf(path: string): string[] {
  const names = path.split("/");
  return names.slice(1).map((_, index) => names.slice(0, index + 1).join("/"));
}

function refused(uri: string, path: string, fault: string): ConfigurationError {
  return new ConfigurationError(`${uri}: refused, because the path ${quoted(path)} ${fault}`);
}
