import { RemoteError, type RemoteFile, type RemoteFolder } from "../remote-folder.js";
import { withRetries, type RetryOptions } from "./retry.js";

const maxTextBytes = 64 * 2 ** 20;

/**
 * The text of a small file.
 *
 * @throws {RemoteError} when it is too long to be one, or the store fails.
 */
export async function readRemoteText(
  remote: RemoteFolder,
  file: RemoteFile,
  retry: RetryOptions,
  signal: AbortSignal,
): Promise<string> {
  if (file.byteLength > maxTextBytes) {
    throw new RemoteError(`${remote.uri}: ${file.path} has ${file.byteLength} bytes, more than ${maxTextBytes}`, false);
  }
  return withRetries(() => readOnce(remote, file, signal), retry, signal);
}

async function readOnce(remote: RemoteFolder, file: RemoteFile, signal: AbortSignal): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of remote.read(file, 0, file.byteLength, signal)) {
    length += piece.length;
    if (length > file.byteLength) break;
    pieces.push(piece);
  }
  if (length === file.byteLength) return Buffer.concat(pieces).toString("utf8");
  const sent = length > file.byteLength ? "more" : length;
  throw new RemoteError(`${remote.uri}: ${file.path}: the server sent ${sent} of ${file.byteLength} bytes`, true);
}
