/** TLS on the gRPC and HTTP ports, with real clients, and what stops a start. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request as startRequest } from "node:https";
import { request as startPlainRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectionOptions } from "node:tls";
import { Client, credentials, status, type ClientReadableStream, type ServiceError } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { startGrpcServer } from "../../src/api/grpc/server.js";
import { startHttpServer } from "../../src/api/http/server.js";
import type { HttpApi } from "../../src/api/http/api.js";
import { EventStream } from "../../src/api/http/sse.js";
import type { Logger } from "../../src/api/log.js";
import { openTls, type TlsCertificates, type TlsSettings } from "../../src/api/tls.js";
import { ConfigurationError } from "../../src/errors.js";
import { createAuthority, type Identity } from "../support/certificates.js";
import { until } from "../support/settled.js";

const authority = createAuthority("authority");
const stranger = createAuthority("stranger");
const clients = createAuthority("clients");
const first = authority.issue("first");
const second = authority.issue("second");

const folder = mkdtempSync(join(tmpdir(), "ortler-tls-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** What undoes a test's doings, last one first. */
let undo: (() => void)[];
let logged: string[];
const log: Logger = {
  info: (message) => void logged.push(message),
  warn: (message) => void logged.push(message),
  error: (message, fields) => void logged.push(`${message}: ${String(fields?.["error"])}`),
};
beforeEach(() => {
  undo = [];
  logged = [];
});
afterEach(() => undo.reverse().forEach((step) => step()));

const checkEveryMs = 5;

function open(settings: Partial<TlsSettings>): TlsCertificates {
  const tls = openTls({ tlsCert: "", tlsKey: "", tlsClientCa: "", ...settings }, log, checkEveryMs);
  if (tls === undefined) throw new Error("TLS is off");
  undo.push(() => tls.close());
  return tls;
}

const asText = ({ cert, key }: Identity): Partial<TlsSettings> => ({ tlsCert: cert, tlsKey: key });

/** How a client connects. */
interface Trust {
  readonly ca: string;
  readonly identity?: Identity;
}

/** A stream that the server goes on with when it is told to. */
interface OpenStream {
  readonly next: () => Promise<string>;
  readonly proceed: () => void;
}

/** A port under test; `ask` is one request over a connection of its own, `undefined` trust over plain text. */
interface Port {
  readonly port: number;
  readonly ask: (trust: Trust | undefined) => Promise<string>;
  readonly stream: (trust: Trust) => Promise<OpenStream>;
}

/** No connection is UNAVAILABLE to a gRPC client. */
const outcomes = new Map<unknown, string>([
  ["0801", "answered"],
  [status.UNAVAILABLE, "refused"],
]);

const identity = (bytes: Buffer): Buffer => bytes;

/** The answer is the state in a message of `grpc.health.v1`: field 1, 1 for SERVING, 2 for NOT_SERVING. */
async function startGrpc(tls: TlsCertificates): Promise<Port> {
  const server = await startGrpcServer({ host: "127.0.0.1", port: 0, services: [], log, tls });
  undo.push(() => server.forceStop());
  const connectTo = (trust: Trust | undefined): Client => {
    const client = new Client(`127.0.0.1:${server.port}`, channelCredentials(trust), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.ssl_target_name_override": "localhost",
    });
    undo.push(() => client.close());
    return client;
  };
  return {
    port: server.port,
    ask: async (trust) =>
      new Promise((resolve) => {
        const answer = (error: ServiceError | null, message?: Buffer): void =>
          resolve(outcomes.get(error?.code ?? message?.toString("hex")) ?? String(error));
        connectTo(trust).makeUnaryRequest("/grpc.health.v1.Health/Check", identity, identity, Buffer.of(), answer);
      }),
    stream: async (trust) => {
      const call: ClientReadableStream<Buffer> = connectTo(trust).makeServerStreamRequest(
        "/grpc.health.v1.Health/Watch",
        identity,
        identity,
        Buffer.of(),
      );
      call.on("error", () => undefined); // the end of the test
      const messages = call[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
      const next = async (): Promise<string> => ((await messages.next()).value as Buffer).toString("hex");
      return Promise.resolve({ next, proceed: () => server.setServing(false) });
    },
  };
}

function channelCredentials(trust: Trust | undefined): ReturnType<typeof credentials.createSsl> {
  if (trust === undefined) return credentials.createInsecure();
  const { ca, identity: own } = trust;
  const pair = own === undefined ? [null, null] : [Buffer.from(own.key), Buffer.from(own.cert)];
  return credentials.createSsl(Buffer.from(ca), ...(pair as [Buffer | null, Buffer | null]));
}

async function startHttp(tls: TlsCertificates): Promise<Port> {
  let proceed: () => void = () => undefined;
  const proceeded = new Promise<void>((resolve) => (proceed = resolve));
  const api: HttpApi = (app) => {
    app.get("/", () => "hello");
    app.get("/stream", async (_request, reply) => {
      const stream = new EventStream(reply);
      await stream.send("one");
      await proceeded;
      stream.end("two");
    });
  };
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, apis: [api], log, tls });
  undo.push(() => server.forceStop());
  const address = { host: "127.0.0.1", port: server.port, agent: false };
  return {
    port: server.port,
    ask: async (trust) =>
      new Promise((resolve) => {
        const request =
          trust === undefined
            ? startPlainRequest(address)
            : startRequest({ ...address, ca: trust.ca, ...trust.identity });
        request.on("response", (response) => {
          response.resume();
          resolve(response.statusCode === 200 ? "answered" : `status ${response.statusCode}`);
        });
        request.on("error", () => resolve("refused"));
        request.end();
      }),
    stream: async ({ ca }) =>
      new Promise((resolve) => {
        const request = startRequest({ ...address, ca, path: "/stream" }, (response) => {
          const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
          resolve({ next: async () => String((await chunks.next()).value), proceed: () => proceed() });
        });
        request.end();
      }),
  };
}

/** Whom a new connection meets; an error's code when there is no connection. */
async function nameAt(port: number, options: ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({
      host: "127.0.0.1",
      port,
      ca: authority.cert,
      ALPNProtocols: ["h2", "http/1.1"],
      ...options,
    });
    socket.on("secureConnect", () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)));
  });
}

describe.each([
  ["the gRPC port", startGrpc, ["0801", "0802"]],
  ["the HTTP port", startHttp, ["one", "two"]],
] as const)("%s", (_name, start, [one, two]) => {
  test("answers clients that trust the authority of its certificate, and no others", async () => {
    const { ask } = await start(open(asText(first)));
    expect(await ask({ ca: authority.cert })).toBe("answered");
    expect(await ask({ ca: stranger.cert })).toBe("refused");
    expect(await ask(undefined)).toBe("refused");
  });

  test("is not trusted when its certificate has expired", async () => {
    const { ask } = await start(open(asText(authority.issue("old", { from: -2, to: -1 }))));
    expect(await ask({ ca: authority.cert })).toBe("refused");
  });

  test("speaks TLS 1.2 at least", async () => {
    const { port } = await start(open(asText(first)));
    const only = (version: "TLSv1.1" | "TLSv1.2"): ConnectionOptions => ({
      minVersion: version,
      maxVersion: version,
      ciphers: "DEFAULT@SECLEVEL=0", // the client would not offer less by itself
    });
    expect(await nameAt(port, only("TLSv1.2"))).toBe("first");
    expect(await nameAt(port, only("TLSv1.1"))).toBe("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
  });

  test("with a client CA, answers only those with a valid certificate of it", async () => {
    const { ask } = await start(open({ ...asText(first), tlsClientCa: clients.cert }));
    const as = async (own?: Identity): Promise<string> =>
      ask({ ca: authority.cert, ...(own !== undefined && { identity: own }) });
    expect(await as(clients.issue("client"))).toBe("answered");
    expect(await as()).toBe("refused");
    expect(await as(stranger.issue("client"))).toBe("refused");
    expect(await as(first)).toBe("refused");
    expect(await as(clients.issue("client", { from: -2, to: -1 }))).toBe("refused");
  });

  test("shows new connections a renewed certificate while a stream goes on over the old one", async () => {
    const paths = { tlsCert: file("tls.crt", first.cert), tlsKey: file("tls.key", first.key) };
    const { port, stream } = await start(open(paths));
    const running = await stream({ ca: authority.cert });
    expect([await running.next(), await nameAt(port)]).toEqual([one, "first"]);
    file("tls.crt", second.cert);
    file("tls.key", second.key);
    await until(() => logged.includes("TLS certificate renewed"));
    expect(await nameAt(port)).toBe("second");
    running.proceed();
    expect(await running.next()).toBe(two);
  });

  test("asks new connections for certificates of the renewed client CA", async () => {
    const tlsClientCa = file("ca.crt", clients.cert);
    const { ask } = await start(open({ ...asText(first), tlsClientCa }));
    file("ca.crt", stranger.cert);
    await until(() => logged.includes("TLS certificate renewed"));
    expect(await ask({ ca: authority.cert, identity: stranger.issue("client") })).toBe("answered");
    expect(await ask({ ca: authority.cert, identity: clients.issue("client") })).toBe("refused");
  });
});

test("a Secret that Kubernetes renews by turning a link is seen", async () => {
  const mount = (name: string, { cert, key }: Identity): void => {
    mkdirSync(join(folder, name));
    file(`${name}/tls.crt`, cert);
    file(`${name}/tls.key`, key);
    symlinkSync(name, join(folder, "..data-new"));
    renameSync(join(folder, "..data-new"), join(folder, "..data"));
  };
  mount("2026-01", first);
  const tls = open({ tlsCert: join(folder, "..data/tls.crt"), tlsKey: join(folder, "..data/tls.key") });
  mount("2026-02", second);
  await until(() => logged.includes("TLS certificate renewed"));
  expect(String(tls.material.cert)).toBe(second.cert);
});

test("files that stop working are logged once, and what worked stays until they work again", async () => {
  const paths = { tlsCert: file("tls.crt", first.cert), tlsKey: file("tls.key", first.key) };
  const tls = open(paths);
  const heard: string[] = [];
  tls.onChange(({ cert }) => heard.push(String(cert)));
  file("tls.crt", second.cert);
  await until(() => logged.length > 1);
  expect(String(tls.material.cert)).toBe(first.cert);
  file("tls.key", second.key);
  await until(() => heard.length > 0);
  expect(heard).toEqual([second.cert]);
  expect(logged).toEqual([
    "TLS",
    `the TLS files cannot be used; the former ones stay: ConfigurationError: the TLS key ${paths.tlsKey} does not ` +
      `belong to the TLS certificate ${paths.tlsCert}`,
    "TLS certificate renewed",
  ]);
});

test("without settings TLS is off", () => {
  expect(openTls({ tlsCert: "", tlsKey: "", tlsClientCa: "" }, log)).toBeUndefined();
});

describe("what stops the start", () => {
  const missing = join(folder, "missing.pem");
  const garbage = file("garbage.pem", "no PEM");
  const cert = file("first.crt", first.cert);
  const key = file("first.key", first.key);
  const otherKey = file("second.key", second.key);
  const rows: [settings: Partial<TlsSettings>, message: string][] = [
    [{ tlsCert: cert }, "--tls-cert needs --tls-key"],
    [{ tlsKey: key }, "--tls-key needs --tls-cert"],
    [{ tlsClientCa: cert }, "--tls-client-ca needs --tls-cert and --tls-key"],
    [{ tlsCert: missing, tlsKey: key }, `the TLS certificate ${missing} cannot be used: ENOENT`],
    [{ tlsCert: cert, tlsKey: missing }, `the TLS key ${missing} cannot be used: ENOENT`],
    [{ tlsCert: cert, tlsKey: key, tlsClientCa: missing }, `the TLS client CA ${missing} cannot be used: ENOENT`],
    [{ tlsCert: cert, tlsKey: folder }, `the TLS key ${folder} cannot be used: EISDIR`],
    [{ tlsCert: garbage, tlsKey: key }, `the TLS certificate ${garbage} cannot be used: `],
    [{ tlsCert: cert, tlsKey: garbage }, `the TLS key ${garbage} cannot be used: `],
    [{ tlsCert: cert, tlsKey: key, tlsClientCa: garbage }, `the TLS client CA ${garbage} cannot be used: `],
    [{ tlsCert: cert, tlsKey: otherKey }, `the TLS key ${otherKey} does not belong to the TLS certificate ${cert}`],
    [
      { tlsCert: cert, tlsKey: second.key },
      `the TLS key (given as text) does not belong to the TLS certificate ${cert}`,
    ],
  ];
  test.each(rows)("%#: %j", (settings, message) => {
    const start = (): unknown => openTls({ tlsCert: "", tlsKey: "", tlsClientCa: "", ...settings }, log);
    expect(start).toThrow(ConfigurationError);
    expect(start).toThrow(message);
  });
});
