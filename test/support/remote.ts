/** Reading remote folders in tests. */
import { inspect } from "node:util";
import { expect } from "vitest";
import type { RemoteFile, RemoteFolder } from "../../src/model/source/remote-folder.js";

/** A signal that nobody aborts. */
export const never = new AbortController().signal;

export async function collect(folder: RemoteFolder, file: RemoteFile, start: number, end: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of folder.read(file, start, end, never)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The file of a listing. */
export async function listed(folder: RemoteFolder, path: string): Promise<RemoteFile> {
  const file = (await folder.list(never)).find((candidate) => candidate.path === path);
  return file ?? expect.fail(`${path} is not listed`);
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail("nothing was refused"),
    (error: unknown) => error,
  );
}

/** Everything that a log could print of an error. */
export function everythingOf(error: unknown): string {
  return inspect(error, { depth: Infinity, showHidden: true });
}
