/** A store of models for tests: a real HTTP server that misbehaves as told, and the folder that speaks to it. */
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import {
  RemoteChangedError,
  RemoteError,
  type RemoteFile,
  type RemoteFolder,
} from "../../../src/model/source/remote-folder.js";

/** What happens to one request, instead of a good answer. */
export type Fault =
  | { readonly kind: "status"; readonly status: number; readonly retryAfterMs?: number }
  /** After so many bytes: the connection is reset, the answer ends as if it were whole, or nothing more comes. */
  | { readonly kind: "reset" | "truncate" | "stall"; readonly afterBytes: number }
  /** More bytes than asked for, and wrong ones from the start. */
  | { readonly kind: "overlong" }
  /** Every byte, with a pause after each 64 KiB. */
  | { readonly kind: "slow"; readonly pauseMs: number };

export interface StoreRequest {
  readonly path: string;
  /** Bytes [start, end). */
  readonly start: number;
  readonly end: number;
  /** How often this range was asked for before. */
  readonly earlier: number;
}

export interface StoredFile {
  readonly bytes: Buffer;
  readonly version: string | undefined;
}

const pieceBytes = 65_536;

export class StoreServer {
  readonly files = new Map<string, StoredFile>();
  readonly requests: StoreRequest[] = [];
  listings = 0;
  /** Of files, without listings. */
  bytesSent = 0;
  fault: (request: StoreRequest) => Fault | undefined = () => undefined;
  /** Called after each piece that was sent. */
  onSent: () => void = () => undefined;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  put(path: string, bytes: Buffer, version: string | undefined): void {
    this.files.set(path, { bytes, version });
  }

  /** `config.json[0,120)` for each request of a file's range. */
  asked(): string[] {
    return this.requests.map(({ path, start, end }) => `${path}[${start},${end})`);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent((request.url ?? "").slice(1));
    if (path === "") {
      this.#list(response);
      return;
    }
    const file = this.files.get(path);
    const [, first = "0", last = "0"] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    const range = { path, start: Number(first), end: Number(last) + 1 };
    const earlier = this.requests.filter((other) => other.path === path && other.start === range.start).length;
    this.requests.push({ ...range, earlier });
    const fault = this.fault({ ...range, earlier });
    if (fault?.kind === "status") {
      end(response, fault.status, fault.retryAfterMs);
      return;
    }
    const wanted = request.headers["if-match"];
    if (file === undefined || (wanted !== undefined && wanted !== file.version)) {
      end(response, 412);
      return;
    }
    await this.#send(response, file.bytes.subarray(range.start, range.end), fault);
  }

  #list(response: ServerResponse): void {
    this.listings += 1;
    const files = [...this.files].map(([path, { bytes, version }]) => ({ path, byteLength: bytes.length, version }));
    response.end(JSON.stringify(files));
  }

  async #send(response: ServerResponse, good: Buffer, fault: Exclude<Fault, { kind: "status" }> | undefined) {
    const bytes = fault?.kind === "overlong" ? Buffer.alloc(good.length + 1, 0xee) : good;
    const limit = fault !== undefined && "afterBytes" in fault ? fault.afterBytes : bytes.length;
    response.writeHead(206); // without a length: what is cut off ends like what is whole
    for (let sent = 0; sent < limit; sent += pieceBytes) {
      const piece = bytes.subarray(sent, Math.min(sent + pieceBytes, limit));
      this.bytesSent += piece.length;
      if (!response.write(piece)) await once(response, "drain").catch(() => undefined);
      this.onSent();
      if (response.destroyed) return;
      if (fault?.kind === "slow") await delay(fault.pauseMs);
    }
    if (fault?.kind === "reset") response.socket?.resetAndDestroy();
    else if (fault?.kind !== "stall") response.end();
  }
}

function end(response: ServerResponse, status: number, retryAfterMs?: number): void {
  response.writeHead(status, retryAfterMs === undefined ? {} : { "x-retry-after-ms": String(retryAfterMs) });
  response.end();
}

/** The folder on a `StoreServer`; what the parts of the program see of it. */
export class ServedFolder implements RemoteFolder {
  constructor(
    private readonly address: string,
    readonly uri = "test://models/gpt2/",
  ) {}

  async list(signal: AbortSignal): Promise<readonly RemoteFile[]> {
    let text = "";
    for await (const piece of this.#get("", {}, signal)) text += piece.toString("utf8");
    const files = JSON.parse(text) as (Omit<RemoteFile, "version"> & { version?: string })[];
    return files.map((file) => ({ ...file, version: file.version }));
  }

  async *read(file: RemoteFile, start: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { path, version } = file;
    const headers = { range: `bytes=${start}-${end - 1}`, ...(version !== undefined && { "if-match": version }) };
    yield* this.#get(path, headers, signal);
  }

  async *#get(path: string, headers: Record<string, string>, signal: AbortSignal): AsyncGenerator<Buffer> {
    const request = get(`${this.address}/${encodeURIComponent(path)}`, { headers, signal, agent: false });
    try {
      const [response] = (await once(request, "response")) as [IncomingMessage];
      const { statusCode: status = 0 } = response;
      if (status === 412) throw new RemoteChangedError(path);
      if (status !== 200 && status !== 206) {
        const retryAfter = response.headers["x-retry-after-ms"];
        const retryAfterMs = retryAfter === undefined ? undefined : Number(retryAfter);
        throw new RemoteError(`${this.uri}${path}: status ${status}`, status >= 500, { retryAfterMs });
      }
      yield* response as AsyncIterable<Buffer>;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof RemoteError || error instanceof RemoteChangedError) throw error;
      throw new RemoteError(`${this.uri}${path}: ${String(error)}`, true, { cause: error });
    } finally {
      request.destroy();
    }
  }
}
