/** What an HTTP server says of a file, and the bytes [start, end) of it: shared by plain HTTP and the hub. */
import type { IncomingHttpHeaders } from "node:http";
import { RemoteChangedError, RemoteError, type RemoteFile } from "../remote-folder.js";
import type { HttpAnswer, HttpClient, HttpRequest } from "./http-client.js";
import { parseRetryAfter } from "./retry-after.js";

/** A status that is no success, as an error that says what it means for `what`, e.g. a URL without its query. */
export type DescribeStatus = (answer: HttpAnswer, what: string) => RemoteError;

export interface RangeRequest {
  readonly client: HttpClient;
  readonly request: HttpRequest;
  readonly file: RemoteFile;
  readonly start: number;
  readonly end: number;
  /** The file for messages. */
  readonly what: string;
  /** The version that the answer is of; undefined when it does not say. */
  readonly versionOf: (answer: HttpAnswer) => string | undefined;
  readonly describeStatus: DescribeStatus;
}

/**
 * Reads a range. A server that does not know ranges is read from the start, and only that far.
 *
 * @throws {RemoteChangedError} when the answer is of another version than the file, or there is none any more.
 * @throws {RemoteError} when the server refuses, breaks off, or does not know ranges and `start` is not 0.
 */
export async function* readRange(range: RangeRequest, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { client, request, file, start, end } = range;
  if (start >= end) return;
  const headers = { ...request.headers, range: `bytes=${start}-${end - 1}`, ...preconditions(file.version) };
  const answer = await client.send({ ...request, headers }, signal);
  try {
    checkAnswer(answer, range);
    let left = end - start;
    for await (const piece of client.bytes(answer, request.url, signal)) {
      if (piece.length >= left && answer.status === 200) {
        yield piece.subarray(0, left);
        return;
      }
      left -= piece.length;
      yield piece;
    }
  } finally {
    answer.body.destroy();
  }
}

/**
 * Asks for that version only, if it is an ETag or a date. A weak ETag cannot be asked for (RFC 9110, 13.1.1), nor can a
 * hash: the answer is compared instead.
 */
function preconditions(version: string | undefined): Readonly<Record<string, string>> {
  if (version === undefined) return {};
  if (version.startsWith('"')) return { "if-match": version };
  return version.endsWith(" GMT") ? { "if-unmodified-since": version } : {};
}

function checkAnswer(answer: HttpAnswer, { file, start, what, versionOf, describeStatus }: RangeRequest): void {
  const { status, headers } = answer;
  if ([404, 410, 412, 416].includes(status)) throw new RemoteChangedError(file.path);
  if (status !== 200 && status !== 206) throw describeStatus(answer, what);
  const version = versionOf(answer);
  if (version !== undefined && file.version !== undefined && version !== file.version) {
    throw new RemoteChangedError(file.path);
  }
  if (status === 200 && start === 0) return;
  if (status === 200) {
    throw new RemoteError(`${what}: the server ignores ranges, so larger files cannot be read in parts`, false);
  }
  const isAsked = headers["content-range"]?.startsWith(`bytes ${start}-`) ?? false;
  if (!isAsked) throw new RemoteError(`${what}: the server answers with another range than asked for`, false);
}

/** The ETag, or else the date of the last change: what tells one version of a file from another. */
export function httpVersion(headers: IncomingHttpHeaders): string | undefined {
  const { etag, "last-modified": date } = headers;
  const isStrong = etag?.startsWith('"') ?? false;
  return isStrong ? etag : (date ?? etag);
}

/** A status in general words; `access` says what to do about 401 and 403. */
export function describeHttpStatus(answer: HttpAnswer, what: string, access: string): RemoteError {
  const { status, headers } = answer;
  const retryAfterMs = parseRetryAfter(headers["retry-after"], Date.now());
  if (status === 429) return new RemoteError(`${what}: the server asks to slow down`, true, { retryAfterMs });
  if (status === 408 || (status >= 500 && status !== 501)) {
    return new RemoteError(`${what}: the server fails (status ${status})`, true, { retryAfterMs });
  }
  if (status === 401 || status === 403)
    return new RemoteError(`${what}: access denied (status ${status}); ${access}`, false);
  return new RemoteError(`${what}: the server refuses (status ${status})`, false);
}
