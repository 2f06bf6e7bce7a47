/** A folder on a web server. HTTP has no listing, so the files are found by asking for their known names. */
import type { HttpLocation } from "../location/model-location.js";
import type { Secret } from "../location/secret.js";
import { isJsonObject } from "../../checkpoint/json.js";
import { RemoteError, type RemoteFile, type RemoteFolder } from "../remote-folder.js";
import type { HttpAnswer, HttpClient, HttpRequest } from "./http-client.js";
import { describeHttpStatus, httpVersion, readRange } from "./http-file.js";
import { isWeightIndex, knownFiles } from "./known-files.js";

const maxIndexBytes = 64 * 1024 * 1024;
const headRefusals = [400, 401, 403, 405, 501]; // of HEAD: signed URLs, for instance, are good for GET only

/** @param token Sent as `Authorization: Bearer`, to this server only. */
export function openHttp(location: HttpLocation, client: HttpClient, token: Secret | undefined): RemoteFolder {
  return new HttpFolder(location, client, token);
}

class HttpFolder implements RemoteFolder {
  readonly uri: string;

  constructor(
    private readonly location: HttpLocation,
    private readonly client: HttpClient,
    private readonly token: Secret | undefined,
  ) {
    this.uri = location.url;
  }

  async list(signal: AbortSignal): Promise<readonly RemoteFile[]> {
    const files = await this.#probeAll(knownFiles, signal);
    const indexes = files.filter(({ path }) => isWeightIndex(path));
    const shards = await Promise.all(indexes.map((index) => this.#readIndex(index, signal)));
    return [...files, ...(await this.#probeAll([...new Set(shards.flat())], signal))];
  }

  read(file: RemoteFile, start: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const range = {
      client: this.client,
      request: this.#request("GET", file.path),
      file,
      start,
      end,
      what: this.uri + file.path,
      versionOf: ({ headers }: HttpAnswer) => httpVersion(headers),
      describeStatus,
    };
    return readRange(range, signal);
  }

  async #probeAll(paths: readonly string[], signal: AbortSignal): Promise<RemoteFile[]> {
    const files = await Promise.all(paths.map((path) => this.#probe(path, signal)));
    return files.filter((file) => file !== undefined);
  }

  /** Undefined when there is no such file. */
  async #probe(path: string, signal: AbortSignal): Promise<RemoteFile | undefined> {
    const head = await this.client.send(this.#request("HEAD", path), signal);
    head.body.resume();
    const isAnswer = !headRefusals.includes(head.status) && (head.status !== 200 || lengthOf(head) !== undefined);
    return this.#toFile(path, isAnswer ? head : await this.#probeByRange(path, signal));
  }

  async #probeByRange(path: string, signal: AbortSignal): Promise<HttpAnswer> {
    const request = this.#request("GET", path);
    const answer = await this.client.send({ ...request, headers: { ...request.headers, range: "bytes=0-0" } }, signal);
    answer.body.destroy(); // without ranges it would be the whole file
    return answer;
  }

  #toFile(path: string, answer: HttpAnswer): RemoteFile | undefined {
    const what = this.uri + path;
    if (answer.status === 404 || answer.status === 410) return undefined;
    if (answer.status !== 200 && answer.status !== 206) throw describeStatus(answer, what);
    const byteLength = lengthOf(answer);
    if (byteLength === undefined) throw new RemoteError(`${what}: the server does not tell its length`, false);
    return { path, byteLength, version: httpVersion(answer.headers) };
  }

  /** The files that an index spreads the weights over. */
  async #readIndex(index: RemoteFile, signal: AbortSignal): Promise<string[]> {
    const what = this.uri + index.path;
    const request = this.#request("GET", index.path);
    const answer = await this.client.send(request, signal);
    if (answer.status !== 200) {
      answer.body.destroy();
      throw describeStatus(answer, what);
    }
    const map = parseWeightMap(await this.client.text(answer, request.url, maxIndexBytes, signal));
    if (map === undefined)
      throw new RemoteError(`${what}: no JSON with the names of the weight files (weight_map)`, false);
    return map;
  }

  #request(method: HttpRequest["method"], path: string): HttpRequest {
    const { url, query } = this.location;
    const name = path.split("/").map(encodeURIComponent).join("/");
    return {
      method,
      url: new URL(`${url}${name}${query?.reveal() ?? ""}`),
      headers: this.token === undefined ? {} : { authorization: `Bearer ${this.token.reveal()}` },
    };
  }
}

function describeStatus(answer: HttpAnswer, what: string): RemoteError {
  return describeHttpStatus(answer, what, "the server wants a bearer token, another one, or a new signature");
}

/** Bytes of the whole file. */
function lengthOf({ headers, status }: HttpAnswer): number | undefined {
  const [, total] = /\/(\d+)$/.exec(headers["content-range"] ?? "") ?? [];
  const text = status === 206 ? total : headers["content-length"];
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

/** Undefined when it has none, or one with names that lead out of the folder. */
function parseWeightMap(text: string): string[] | undefined {
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch {
    return undefined;
  }
  const map = isJsonObject(index) ? index["weight_map"] : undefined;
  if (!isJsonObject(map)) return undefined;
  const names = [...new Set(Object.values(map))].filter((name) => typeof name === "string");
  return names.every((name) => name.split("/").every((part) => !/^\.{0,2}$/.test(part))) ? names : undefined;
}
