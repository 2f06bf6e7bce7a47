/** API keys on the gRPC and HTTP ports. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { ApiKeys, openApiKeys } from "../../src/api/api-keys.js";
import { InfoService } from "../../src/api/grpc/generated/caikit/runtime/info_pb.js";
import { startGrpcServer, type GrpcServer } from "../../src/api/grpc/server.js";
import { implement } from "../../src/api/grpc/service.js";
import { startHttpServer, type HttpServer } from "../../src/api/http/server.js";
import { RawClient } from "../support/grpc.js";

const folder = mkdtempSync(join(tmpdir(), "ortler-keys-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: string): string {
  const path = join(folder, "keys");
  writeFileSync(path, content);
  return path;
}

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const address = { host: "127.0.0.1", port: 0, log };
const apiKeys = new ApiKeys(["key-1", "key-2"]);

const permitted = ["Bearer key-1", "Bearer key-2", "bearer  key-2"];
const refused = [
  "Bearer key",
  "Bearer key-11",
  "Bearer KEY-1",
  "Bearer key-1 key-2",
  "Bearer",
  "Basic key-1",
  "key-1",
  "",
];

describe("over gRPC", () => {
  let server: GrpcServer;
  let client: RawClient;
  beforeEach(async () => {
    const info = implement(InfoService, { getRuntimeInfo: () => ({}), getModelsInfo: () => ({}) });
    server = await startGrpcServer({ ...address, services: [info], apiKeys });
    client = new RawClient(server.port);
  });
  afterEach(() => {
    client.close();
    server.forceStop();
  });

  const method = "/caikit.runtime.info.InfoService/GetRuntimeInfo";
  const call = async (path: string, ...authorizations: string[]) =>
    client.call(
      path,
      undefined,
      authorizations.map((value) => ["authorization", value] as const),
    );

  test.each(permitted)("%j is answered", async (authorization) => {
    expect(await call(method, authorization)).toMatchObject({ code: status.OK });
  });

  const unauthenticated = { code: status.UNAUTHENTICATED, details: "missing or wrong API key", messages: [] };
  test.each(refused)("%j is refused", async (authorization) => {
    expect(await call(method, authorization)).toMatchObject(unauthenticated);
  });

  test("a call without metadata is refused", async () => {
    expect(await call(method)).toMatchObject(unauthenticated);
  });

  test("health and reflection need no key", async () => {
    const paths = ["/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"];
    const answers = [await call(paths[0] ?? ""), await client.callMany(paths[1] ?? "", [])];
    expect(answers.map(({ code }) => code)).toEqual([status.OK, status.OK]);
  });
});

describe("over HTTP", () => {
  let server: HttpServer;
  beforeEach(async () => {
    const routes = ["/v1/models", "/health", "/v2/health/live", "/v2/health/ready"];
    const apis = routes.map((route) => (app: FastifyInstance): void => {
      app.get(route, () => "hello");
    });
    server = await startHttpServer({ ...address, apis, apiKeys });
  });
  afterEach(() => server.forceStop());

  const get = async (path: string, headers: Record<string, string> = {}): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers });
    return [response.status, await response.text()];
  };

  test.each(permitted)("%j is answered", async (authorization) => {
    expect(await get("/v1/models", { authorization })).toEqual([200, "hello"]);
  });

  const unauthorized = [401, `{"detail":"missing or wrong API key"}`];
  test.each(refused)("%j is refused", async (authorization) => {
    expect(await get("/v1/models", { authorization })).toEqual(unauthorized);
  });

  test.each(["/v1/models", "/v1/models?x=/health", "/nothing", "/health/../v1/models"])(
    "%s without a header is refused",
    async (path) => {
      expect(await get(path)).toEqual(unauthorized);
    },
  );

  test("the refusal names the scheme", async () => {
    const response = await fetch(`http://127.0.0.1:${server.port}/v1/models`);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
  });

  test.each(["/health", "/v2/health/live", "/v2/health/ready"])("%s needs no key", async (path) => {
    expect(await get(path)).toEqual([200, "hello"]);
  });
});

describe("the file", () => {
  test("has one key a line, with comments and empty lines between", () => {
    const keys = openApiKeys(file("# ours\nkey-1\r\n\n  key-2  \n#key-3\n"));
    const shown = ["key-1", "key-2", "key-3", "#key-3", "#", ""];
    expect(shown.filter((key) => keys?.permits(`Bearer ${key}`))).toEqual(["key-1", "key-2"]);
  });

  test("without a path everyone may call", () => {
    expect(openApiKeys("")).toBeUndefined();
  });

  test("stops the start when it is missing, empty, or has a key that no header can carry", () => {
    const path = file("# none\n\n");
    expect(() => openApiKeys(path)).toThrow(`--api-keys-file ${path} has no key`);
    expect(() => openApiKeys(file("key-1\nkey 2\n"))).toThrow(
      `--api-keys-file ${path}, line 2: a key is ASCII without spaces`,
    );
    expect(() => openApiKeys(join(folder, "missing"))).toThrow(
      `--api-keys-file ${join(folder, "missing")} cannot be read: ENOENT`,
    );
  });
});
