/** A model of the Hugging Face hub, or of a mirror with its API: https://huggingface.co/docs/hub/api */
import { isJsonObject, type JsonObject } from "../../checkpoint/json.js";
import type { HuggingFaceLocation } from "../location/model-location.js";
import { RemoteError, type RemoteFile, type RemoteFolder } from "../remote-folder.js";
import type { HttpAnswer, HttpClient, HttpRequest } from "./http-client.js";
import { describeHttpStatus, readRange } from "./http-file.js";
import type { HuggingFaceSettings } from "./huggingface-settings.js";

const maxPageBytes = 32 * 1024 * 1024;

export function openHuggingFace(
  location: HuggingFaceLocation,
  settings: HuggingFaceSettings,
  client: HttpClient,
): RemoteFolder {
  return new HuggingFaceFolder(location, settings, client);
}

class HuggingFaceFolder implements RemoteFolder {
  readonly uri: string;

  constructor(
    private readonly location: HuggingFaceLocation,
    private readonly settings: HuggingFaceSettings,
    private readonly client: HttpClient,
  ) {
    this.uri = `hf://${location.model}:${location.revision}`;
  }

  async list(signal: AbortSignal): Promise<readonly RemoteFile[]> {
    const { model, revision } = this.location;
    const files: RemoteFile[] = [];
    let url: URL | undefined = this.#url(`api/models/${model}/tree/${encodeURIComponent(revision)}?recursive=true`);
    while (url !== undefined) {
      const answer = await this.client.send(this.#request(url), signal);
      if (answer.status !== 200) {
        answer.body.destroy();
        throw this.#describeStatus(answer, this.uri);
      }
      files.push(...this.#parsePage(await this.client.text(answer, url, maxPageBytes, signal)));
      url = this.#nextPage(url, answer.headers["link"]);
    }
    return files;
  }

  read(file: RemoteFile, start: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { model, revision } = this.location;
    const path = file.path.split("/").map(encodeURIComponent).join("/");
    const range = {
      client: this.client,
      request: this.#request(this.#url(`${model}/resolve/${encodeURIComponent(revision)}/${path}`)),
      file,
      start,
      end,
      what: `${this.uri} ${file.path}`,
      versionOf: resolvedVersion,
      describeStatus: this.#describeStatus.bind(this),
    };
    return readRange(range, signal);
  }

  #url(path: string): URL {
    return new URL(`${this.settings.endpoint}/${path}`);
  }

  #request(url: URL): HttpRequest {
    const { token } = this.settings;
    return { method: "GET", url, headers: token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` } };
  }

  #parsePage(text: string): RemoteFile[] {
    let page: unknown;
    try {
      page = JSON.parse(text);
    } catch {
      page = undefined;
    }
    if (!Array.isArray(page)) throw new RemoteError(`${this.uri}: the hub's listing is no JSON array`, false);
    return page.filter(isJsonObject).flatMap(toFile);
  }

  /** The token goes with the request, so only pages of the hub itself are followed. */
  #nextPage(current: URL, header: string | string[] | undefined): URL | undefined {
    const [, link] = /<([^>]*)>\s*;\s*rel="?next"?/.exec(String(header ?? "")) ?? [];
    const next = link !== undefined && URL.canParse(link, current.href) ? new URL(link, current) : undefined;
    if (next === undefined || next.origin === current.origin) return next;
    throw new RemoteError(`${this.uri}: the listing goes on at another host, ${next.origin}`, false);
  }

  #describeStatus(answer: HttpAnswer, what: string): RemoteError {
    const { model, revision } = this.location;
    const { endpoint, token } = this.settings;
    const code = String(answer.headers["x-error-code"] ?? "");
    if (code === "GatedRepo") {
      return new RemoteError(
        `${what}: the model is gated: accept its terms at ${endpoint}/${model}, and set HF_TOKEN to a token of that account`,
        false,
      );
    }
    if (code === "RevisionNotFound") return new RemoteError(`${what}: there is no revision ${revision}`, false);
    if (answer.status === 404) return new RemoteError(`${what}: ${endpoint} has no model ${model}`, false);
    // The hub does not tell strangers which private models there are.
    const access =
      token === undefined
        ? `there is no model ${model}, or it is private: then set HF_TOKEN`
        : `the token (HF_TOKEN) is not valid, or has no right to read ${model}`;
    return describeHttpStatus(answer, what, access);
  }
}

/** Large files (LFS) have the SHA-256 of their content, others the hash of git. */
function toFile(entry: JsonObject): RemoteFile[] {
  const { type, path, size, oid, lfs } = entry;
  if (type !== "file" || typeof path !== "string") return [];
  const large = isJsonObject(lfs) ? lfs : undefined;
  const byteLength = large?.["size"] ?? size;
  const version = large?.["oid"] ?? oid;
  if (typeof byteLength !== "number" || !Number.isSafeInteger(byteLength)) return [];
  return [{ path, byteLength, version: typeof version === "string" ? version : undefined }];
}

/** The hub tells the hash of its listing at the redirect to where large files are, or as ETag of small ones. */
function resolvedVersion({ headers, redirects }: HttpAnswer): string | undefined {
  const linked = [...redirects, headers].map((hop) => hop["x-linked-etag"]).find((etag) => etag !== undefined);
  const etag = linked ?? (redirects.length === 0 ? headers.etag : undefined);
  return etag === undefined ? undefined : String(etag).replace(/^W\//, "").replaceAll('"', "");
}
