import { readdirSync, statSync } from "node:fs";

/** Whether there is a folder at `path`, through links. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Whether there is a folder at `path` with anything in it. */
export function hasEntries(path: string): boolean {
  return isFolder(path) && readdirSync(path).length > 0;
}
