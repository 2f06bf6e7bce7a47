import { writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Environment } from "../../../../src/config/environment.js";
import { parseModelLocation } from "../../../../src/model/source/location/model-location.js";
import { Secret } from "../../../../src/model/source/location/secret.js";
import { RemoteChangedError, type RemoteFolder } from "../../../../src/model/source/remote-folder.js";
import { openRemote } from "../../../../src/model/source/stores/open-remote.js";
import { createAuthority } from "../../../support/certificates.js";
import { temporaryFolder } from "../../../support/checkpoints.js";
import { serveFiles, startServer } from "../../../support/file-server.js";
import { collect, everythingOf, listed, never, rejection } from "../../../support/remote.js";

async function open(url: string, token?: string, environment: Environment = {}): Promise<RemoteFolder> {
  const location = parseModelLocation(url);
  if (location.kind !== "http") throw new Error(`${url} is no web folder`);
  return openRemote(location, {
    environment,
    connections: 4,
    httpToken: token === undefined ? undefined : new Secret(token),
  });
}

const index = JSON.stringify({
  weight_map: { a: "model-1.safetensors", b: "model-2.safetensors", c: "model-1.safetensors" },
});
const files = new Map([
  ["/m/config.json", "{}"],
  ["/m/tokenizer.json", "{ }"],
  ["/m/model.safetensors", "0123456789"],
]);

describe("a folder on a web server", () => {
  test("has the known files that are there, and the weight files that an index names", async () => {
    const sharded = new Map([
      ["/m/config.json", "{}"],
      ["/m/model.safetensors.index.json", index],
      ["/m/model-1.safetensors", "one"],
      ["/m/model-2.safetensors", "three"],
      ["/m/README.md", "not asked for"],
    ]);
    const { origin } = await startServer(serveFiles(sharded));
    const folder = await open(`${origin}/m`);
    expect(folder.uri).toBe(`${origin}/m/`);
    expect((await folder.list(never)).map(({ path, byteLength }) => [path, byteLength])).toEqual([
      ["config.json", 2],
      ["model.safetensors.index.json", index.length],
      ["model-1.safetensors", 3],
      ["model-2.safetensors", 5],
    ]);
  });

  test("is empty where there is nothing", async () => {
    const { origin } = await startServer(serveFiles(new Map()));
    expect(await (await open(origin)).list(never)).toEqual([]);
  });

  test("gives exactly the bytes that are asked for", async () => {
    const { origin } = await startServer(serveFiles(files));
    const folder = await open(`${origin}/m`);
    const file = await listed(folder, "model.safetensors");
    const read = async (start: number, end: number) => (await collect(folder, file, start, end)).toString();
    expect([await read(0, 10), await read(3, 6), await read(9, 10), await read(4, 4)]).toEqual([
      "0123456789",
      "345",
      "9",
      "",
    ]);
  });

  test("may know neither HEAD nor where its files end without being asked for a byte", async () => {
    const { origin } = await startServer(serveFiles(files, { hasHead: false }));
    const list = await (await open(`${origin}/m`)).list(never);
    expect(list.map(({ byteLength }) => byteLength)).toEqual([2, 3, 10]);
  });

  test("without ranges is read from the start, and refused from further on", async () => {
    const { origin } = await startServer(serveFiles(files, { hasRanges: false }));
    const folder = await open(`${origin}/m`);
    const file = await listed(folder, "model.safetensors");
    expect((await collect(folder, file, 0, 4)).toString()).toBe("0123");
    expect(await rejection(collect(folder, file, 4, 8))).toMatchObject({
      isTransient: false,
      message: `${origin}/m/model.safetensors: the server ignores ranges, so larger files cannot be read in parts`,
    });
  });

  test("whose index is not one, or leads out of it, is refused", async () => {
    for (const bad of ["not json", '{"weight_map": {"a": "../../etc/passwd"}}', '{"weight_map": 1}']) {
      const { origin } = await startServer(serveFiles(new Map([["/model.safetensors.index.json", bad]])));
      expect(await rejection((await open(origin)).list(never))).toMatchObject({
        message: `${origin}/model.safetensors.index.json: no JSON with the names of the weight files (weight_map)`,
      });
    }
  });
});

describe("a file that was replaced after it was listed is noticed", () => {
  test.each([
    ["a strong ETag, by If-Match", { etag: "strong" }],
    ["a weak ETag, by comparing", { etag: "weak" }],
  ] as const)("with %s", async (_, options) => {
    const changing = new Map([["/config.json", "old"]]);
    const { origin } = await startServer(serveFiles(changing, options));
    const folder = await open(origin);
    const file = await listed(folder, "config.json");
    changing.set("/config.json", "new");
    expect(await rejection(collect(folder, file, 0, 3))).toEqual(new RemoteChangedError("config.json"));
  });

  test("with a date only, and when it is gone", async () => {
    const options = { etag: "none" as const, lastModified: "Tue, 01 Jul 2025 10:00:00 GMT" };
    const changing = new Map([["/config.json", "old"]]);
    const before = serveFiles(changing, options);
    const after = serveFiles(changing, { ...options, lastModified: "Wed, 02 Jul 2025 10:00:00 GMT" });
    let isReplaced = false;
    const { origin } = await startServer((request, response) => (isReplaced ? after : before)(request, response));
    const folder = await open(origin);
    const file = await listed(folder, "config.json");
    isReplaced = true;
    expect(await rejection(collect(folder, file, 0, 3))).toEqual(new RemoteChangedError("config.json"));
    changing.clear();
    expect(await rejection(collect(folder, file, 0, 3))).toEqual(new RemoteChangedError("config.json"));
  });
});

describe("credentials", () => {
  test("a token goes to the server, and not to the host that it redirects to", async () => {
    const store = await startServer(serveFiles(files));
    const front = await startServer((request, response) => {
      response.writeHead(302, { location: `${store.origin}${request.url ?? ""}` }).end();
    });
    const folder = await open(`${front.origin}/m`, "hidden-token");
    const file = await listed(folder, "config.json");
    expect((await collect(folder, file, 0, 2)).toString()).toBe("{}");
    expect(new Set(front.requests.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer hidden-token"]));
    expect(new Set(store.requests.map(({ authorization }) => authorization))).toEqual(new Set([undefined]));
  });

  test("the query of a signed URL goes with every file, and into no error", async () => {
    const { origin, requests } = await startServer((request, response) => {
      if (request.url?.endsWith("?sig=hidden") === true) serveFiles(files)(request, response);
      else response.writeHead(403).end();
    });
    const folder = await open(`${origin}/m?sig=hidden`);
    expect(await folder.list(never)).toHaveLength(3);
    expect(requests.every(({ url }) => url.endsWith("?sig=hidden"))).toBe(true);
    const refused = await rejection((await open(`${origin}/m?sig=hidden2`, "hidden-token")).list(never));
    expect(refused).toMatchObject({
      isTransient: false,
      message: expect.stringContaining(
        ": access denied (status 403); the server wants a bearer token, another one, or a new signature",
      ) as string,
    });
    expect(everythingOf(refused)).not.toMatch(/hidden/);
  });

  test("an https server does not lead to an unencrypted one", async () => {
    const authority = createAuthority("tests");
    const bundle = join(await temporaryFolder(), "ca.crt");
    writeFileSync(bundle, authority.cert);
    const plain = await startServer(serveFiles(files));
    const redirect: RequestListener = (_, response) => response.writeHead(302, { location: plain.origin }).end();
    const { origin } = await startServer(redirect, authority.issue("web"));
    expect(await rejection((await open(origin, "t", { SSL_CERT_FILE: bundle })).list(never))).toMatchObject({
      message: `${origin} redirects to ${plain.origin}, which is not encrypted`,
    });
  });
});

describe("a server over TLS", () => {
  test("is trusted with its authority, and refused without, naming the setting that helps", async () => {
    const authority = createAuthority("tests");
    const bundle = join(await temporaryFolder(), "ca.crt");
    writeFileSync(bundle, authority.cert);
    const { origin } = await startServer(serveFiles(files), authority.issue("web"));
    for (const name of ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"]) {
      expect(await (await open(`${origin}/m`, undefined, { [name]: bundle })).list(never)).toHaveLength(3);
    }
    expect(await rejection((await open(`${origin}/m`)).list(never))).toMatchObject({
      isTransient: false,
      message: `${origin} has a certificate of an authority that is not trusted; set SSL_CERT_FILE to a PEM file with its authority`,
    });
  });
});

describe("a server that fails", () => {
  test.each([
    [503, true, "the server fails (status 503)"],
    [429, true, "the server asks to slow down"],
    [401, false, "access denied (status 401); the server wants a bearer token, another one, or a new signature"],
    [418, false, "the server refuses (status 418)"],
  ])("with %i: transient is %s", async (status, isTransient, why) => {
    const { origin } = await startServer((_, response) => response.writeHead(status, { "retry-after": "3" }).end());
    const refused = await rejection((await open(origin)).list(never));
    expect(refused).toMatchObject({ isTransient, message: expect.stringMatching(`^${origin}/[\\w.]+: `) as string });
    expect(refused).toHaveProperty("message", expect.stringContaining(why));
    expect(refused).toHaveProperty("retryAfterMs", isTransient ? 3000 : undefined);
  });

  test("by breaking off gives what came, and then a transient error", async () => {
    const { origin } = await startServer((request, response) => {
      if (request.method === "HEAD") serveFiles(files)(request, response);
      else response.writeHead(200, { "content-length": 10 }).write("01234", () => response.destroy());
    });
    const folder = await open(`${origin}/m`);
    const file = { path: "model.safetensors", byteLength: 10, version: undefined };
    expect(await rejection(collect(folder, file, 0, 10))).toMatchObject({
      isTransient: true,
      message: `${origin} broke the connection off`,
    });
  });

  test("by redirecting for ever is left", async () => {
    const { origin } = await startServer((_, response) => response.writeHead(302, { location: "/again" }).end());
    expect(await rejection((await open(origin)).list(never))).toMatchObject({
      message: `${origin}: more than 5 redirects`,
    });
  });

  test("by answering with another range is refused", async () => {
    const { origin } = await startServer((_, response) =>
      response.writeHead(206, { "content-range": "bytes 0-1/9" }).end("ab"),
    );
    const reading = collect(await open(origin), { path: "config.json", byteLength: 9, version: undefined }, 4, 6);
    expect(await rejection(reading)).toMatchObject({
      message: `${origin}/config.json: the server answers with another range than asked for`,
    });
  });

  test("to answer is left when the caller says so", async () => {
    const abort = new AbortController();
    const { origin } = await startServer(() => abort.abort(new Error("enough")));
    await expect((await open(origin)).list(abort.signal)).rejects.toThrow("enough");
  });
});
