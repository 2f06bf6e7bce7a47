import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ApiKeys } from "../../../../src/api/api-keys.js";
import { openApiJson } from "../../../../src/api/http/docs/document.js";
import { docsApi } from "../../../../src/api/http/docs/index.js";
import { startHttpServer, type HttpServer } from "../../../../src/api/http/server.js";
import { startApis, type HttpAnswer, type TestHttpServer } from "../../../support/http.js";

const options = { version: "1.2", modelId: "tiny", needsKey: false };
const packageFolder = new URL("../../../../node_modules/swagger-ui-dist/", import.meta.url);

let server: TestHttpServer;
beforeAll(async () => {
  server = await startApis(() => docsApi(options));
});
afterAll(() => server.forceStop());

const get = async (path: string, headers = {}): Promise<HttpAnswer> => server.call({ method: "GET", path, headers });

test("the document is served as JSON", async () => {
  const { status, headers, body } = await get("/openapi.json");
  expect([status, headers["content-type"], body]).toEqual([200, "application/json", openApiJson(options)]);
});

describe("the page", () => {
  test("has scripts and styles of this server only, and none within", async () => {
    const { status, headers, body } = await get("/docs");
    expect([status, headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(headers["content-security-policy"]).not.toContain("unsafe");
    expect(body.match(/<script(?! src="docs\/[\w.-]+" defer><\/script>)|<style| style=| on\w+=|https?:/g)).toBeNull();
  });

  test("gets all that it names, each with its type and without guessing at it", async () => {
    const { body } = await get("/docs");
    const named = Array.from(body.matchAll(/(?:src|href)="([^":]+)"/g), ([, address]) => `/${address ?? ""}`);
    const answers = await Promise.all(named.map(async (path) => [path, (await get(path)).headers["content-type"]]));
    expect(answers).toEqual([
      ["/docs/swagger-ui.css", "text/css; charset=utf-8"],
      ["/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
      ["/docs/initializer.js", "text/javascript; charset=utf-8"],
      ["/openapi.json", "application/json"],
    ]);
  });

  test("is found with a slash at the end, also below a proxy's path", async () => {
    const { status, headers } = await get("/docs/");
    const targets = ["http://host/docs/", "http://host/proxy/docs/"].map(
      (from) => new URL(headers["location"] ?? "", from).pathname,
    );
    expect([status, ...targets]).toEqual([307, "/docs", "/proxy/docs"]);
  });
});

describe("files of Swagger UI", () => {
  const files = ["swagger-ui-bundle.js", "swagger-ui.css"];

  test.each(files)("%s is the package's, byte for byte", async (file) => {
    const { status, headers, body } = await get(`/docs/${file}`);
    expect([status, headers["x-content-type-options"]]).toEqual([200, "nosniff"]);
    expect(body === readFileSync(new URL(file, packageFolder), "utf8")).toBe(true);
  });

  test("one that the browser has already is not sent again", async () => {
    const first = await get("/docs/swagger-ui.css");
    const again = await get("/docs/swagger-ui.css", { "if-none-match": first.headers["etag"] });
    const other = await get("/docs/swagger-ui.css", { "if-none-match": '"another"' });
    expect([first.headers["cache-control"], again.status, again.body, other.status]).toEqual([
      "no-cache",
      304,
      "",
      200,
    ]);
  });

  test("no other file of the package is served, whatever leads to it", async () => {
    const others = readdirSync(packageFolder).filter((file) => !files.includes(file));
    const around = ["../package.json", "..%2fpackage.json", "%2e%2e/package.json", "swagger-ui.css/../index.html"];
    const paths = [...others, ...around].map((file) => `/docs/${file}`);
    const statuses = await Promise.all(paths.map(async (path) => [path, (await get(path)).status]));
    expect(statuses).toEqual(paths.map((path) => [path, 404]));
  });
});

describe("with API keys", () => {
  let guarded: HttpServer;
  beforeAll(async () => {
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const apis = [docsApi({ ...options, needsKey: true })];
    guarded = await startHttpServer({ host: "127.0.0.1", port: 0, apis, log, apiKeys: new ApiKeys(["key-1"]) });
  });
  afterAll(() => guarded.forceStop());

  test.each(["/docs", "/docs/", "/docs/swagger-ui.css", "/openapi.json"])("%s needs none", async (path) => {
    expect((await fetch(`http://127.0.0.1:${guarded.port}${path}`)).status).toBe(200);
  });

  test("what leads elsewhere needs one", async () => {
    expect((await fetch(`http://127.0.0.1:${guarded.port}/docs/package.json`)).status).toBe(401);
  });
});
