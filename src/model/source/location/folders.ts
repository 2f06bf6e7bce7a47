/** What is asked of this machine's disk about folders that may hold a model. */
import { readdirSync, statSync } from "node:fs";
import { systemErrorCode } from "../../checkpoint/json.js";
import { unreadable } from "./unreadable.js";

/**
 * Whether there is a folder at `path`, through links.
 * @throws {ConfigurationError} when the disk does not say.
 */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw unreadable(path, error);
  }
}

/**
 * Whether there is a folder at `path` with anything in it.
 * @throws {ConfigurationError} when it cannot be read.
 */
export function hasEntries(path: string): boolean {
  if (!isFolder(path)) return false;
  try {
    return readdirSync(path).length > 0;
  } catch (error) {
    throw unreadable(path, error);
  }
}
