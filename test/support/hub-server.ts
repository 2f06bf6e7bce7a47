/**
 * A hub with one model, `org/model`, as https://huggingface.co answers: a listing in pages, small files from the hub
 * itself, large ones (LFS) by redirect to another host.
 */
import { createHash } from "node:crypto";
import type { RequestListener, ServerResponse } from "node:http";
import { serveFiles, startServer, type TestServer } from "./file-server.js";

export interface HubServer {
  readonly hub: TestServer;
  /** Where large files are. */
  readonly cdn: TestServer;
}

export interface HubFile {
  readonly content: string;
  readonly isLarge?: boolean;
}

export interface HubOptions {
  /** Whoever does not have it is told that there is no such model, as the hub does. */
  readonly token?: string;
  /** Has terms that this account has not accepted. */
  readonly isGated?: boolean;
}

const pageSize = 2;

export async function startHub(files: ReadonlyMap<string, HubFile>, options: HubOptions = {}): Promise<HubServer> {
  const cdn = await startServer((request, response) => {
    serveFiles(new Map([...files].map(([path, { content }]) => [`/${path}`, content])))(request, response);
  });
  const listener: RequestListener = (request, response) => {
    const url = new URL(request.url ?? "/", "http://hub");
    const isLetIn = options.token === undefined || request.headers.authorization === `Bearer ${options.token}`;
    if (!isLetIn) return void response.writeHead(401, { "x-error-code": "RepoNotFound" }).end();
    if (options.isGated === true) return void response.writeHead(403, { "x-error-code": "GatedRepo" }).end();
    const [, revision, path] =
      /^\/(?:api\/models\/)?org\/model\/(?:tree|resolve)\/([^/]+)\/?(.*)$/.exec(url.pathname) ?? [];
    if (revision === undefined) response.writeHead(404, { "x-error-code": "RepoNotFound" }).end();
    else if (revision !== "main") response.writeHead(404, { "x-error-code": "RevisionNotFound" }).end();
    else if (url.pathname.startsWith("/api/")) list(files, url, response);
    else resolve(files, decodeURIComponent(path ?? ""), cdn.origin, request, response);
  };
  return { hub: await startServer(listener), cdn };
}

/** Hash of a small file as git has it, of a large one as LFS has it. */
function hash({ content, isLarge = false }: HubFile): string {
  if (isLarge) return createHash("sha256").update(content).digest("hex");
  return createHash("sha1")
    .update(`blob ${Buffer.byteLength(content)}\0${content}`)
    .digest("hex");
}

function list(files: ReadonlyMap<string, HubFile>, url: URL, response: ServerResponse): void {
  const from = Number(url.searchParams.get("cursor") ?? 0);
  const entries = [...files].slice(from, from + pageSize).map(([path, file]) => {
    const size = Buffer.byteLength(file.content);
    const lfs = file.isLarge === true ? { lfs: { oid: hash(file), size, pointerSize: 135 } } : {};
    return { type: "file", path, size, oid: file.isLarge === true ? "0".repeat(40) : hash(file), ...lfs };
  });
  if (from + pageSize < files.size) {
    response.setHeader("link", `<${url.pathname}?recursive=true&cursor=${from + pageSize}>; rel="next"`);
  }
  response.end(JSON.stringify([{ type: "directory", path: "onnx", size: 0, oid: "0" }, ...entries]));
}

function resolve(
  files: ReadonlyMap<string, HubFile>,
  path: string,
  cdn: string,
  ...[request, response]: Parameters<RequestListener>
): void {
  const file = files.get(path);
  if (file?.isLarge === true) {
    const location = `${cdn}/${encodeURIComponent(path)}?signature=hidden`;
    response
      .writeHead(302, { location, "x-linked-etag": `"${hash(file)}"`, "x-linked-size": file.content.length })
      .end();
    return;
  }
  if (file !== undefined) response.setHeader("etag", `"${hash(file)}"`);
  const url = request.url ?? "";
  serveFiles(new Map(file === undefined ? [] : [[decodeURIComponent(url), file.content]]), { etag: "none" })(
    request,
    response,
  );
}
