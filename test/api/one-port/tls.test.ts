/** TLS on the one port: gRPC, HTTP/1.1 and REST over HTTP/2, told apart by ALPN. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as startRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IncomingHttpHeaders } from "node:http2";
import { connect } from "node:tls";
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTls, type TlsCertificates, type TlsSettings } from "../../../src/api/tls.js";
import { createAuthority, type Identity } from "../../support/certificates.js";
import { Http2Connection } from "../../support/http2.js";
import { startTestOnePort, type TestOnePort } from "../../support/one-port.js";
import { until } from "../../support/settled.js";

const authority = createAuthority("authority");
const clients = createAuthority("clients");
const predict = "/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict";
const logged: string[] = [];
const log = {
  info: (message: string) => void logged.push(message),
  warn: () => undefined,
  error: () => undefined,
};

let undo: (() => void)[];
beforeEach(() => {
  undo = [];
  logged.length = 0;
});
afterEach(() => undo.reverse().forEach((step) => step()));

async function start(settings: Partial<TlsSettings>): Promise<TestOnePort> {
  const tls: TlsCertificates | undefined = openTls({ tlsCert: "", tlsKey: "", tlsClientCa: "", ...settings }, log, 5);
  const server = await startTestOnePort({ tls });
  undo.push(() => {
    server.forceStop();
    tls?.close();
  });
  return server;
}

const asText = ({ cert, key }: Identity): Partial<TlsSettings> => ({ tlsCert: cert, tlsKey: key });

async function overGrpc(port: number, identity?: Identity): Promise<status> {
  const pair = identity ? ([Buffer.from(identity.key), Buffer.from(identity.cert)] as const) : ([null, null] as const);
  const client = new Client(`127.0.0.1:${port}`, credentials.createSsl(Buffer.from(authority.cert), ...pair), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.ssl_target_name_override": "localhost",
  });
  undo.push(() => client.close());
  const metadata = new Metadata();
  metadata.set("mm-model-id", "m");
  const bytes = (buffer: Buffer): Buffer => buffer;
  return new Promise((resolve) => {
    const answer = (error: ServiceError | null): void => resolve(error?.code ?? status.OK);
    client.makeUnaryRequest(predict, bytes, bytes, Buffer.of(), metadata, answer);
  });
}

async function overHttp1(port: number, identity?: Identity): Promise<number> {
  return new Promise((resolve) => {
    const address = { host: "127.0.0.1", port, path: "/hello", agent: false };
    const request = startRequest({ ...address, ca: authority.cert, ...identity }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", () => resolve(0)).end();
  });
}

function connectHttp2(port: number, identity?: Identity): Http2Connection {
  const options = { ca: authority.cert, servername: "localhost", ...identity };
  const connection = new Http2Connection(`https://127.0.0.1:${port}`, options);
  undo.push(() => connection.close());
  return connection;
}

const overHttp2 = async (port: number, identity?: Identity): Promise<number> =>
  connectHttp2(port, identity)
    .ask("/hello")
    .then(({ headers }) => Number(headers[":status"]))
    .catch(() => 0);

test("gRPC, HTTP/1.1 and REST over HTTP/2 are answered, and what is plain is not", async () => {
  const { port } = await start(asText(authority.issue("server")));
  expect([await overGrpc(port), await overHttp1(port), await overHttp2(port)]).toEqual([status.OK, 200, 200]);
  await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow("fetch failed");
});

test.each([
  [["h2", "http/1.1"], "h2"],
  [["http/1.1"], "http/1.1"],
  [undefined, false],
] as const)("clients that offer %j speak %j", async (offered, spoken) => {
  const { port } = await start(asText(authority.issue("server")));
  const options = offered === undefined ? {} : { ALPNProtocols: [...offered] };
  const socket = connect({ host: "127.0.0.1", port, ca: authority.cert, ...options });
  undo.push(() => socket.destroy());
  await once(socket, "secureConnect");
  expect(socket.alpnProtocol).toBe(spoken);
});

test("a client without ALPN is answered over HTTP/1.1", async () => {
  const { port } = await start(asText(authority.issue("server")));
  const socket = connect({ host: "127.0.0.1", port, ca: authority.cert });
  socket.write("GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  expect(Buffer.concat((await socket.toArray()) as Buffer[]).toString()).toMatch(/^HTTP\/1.1 200 OK\r\n/);
});

test("with a client CA, each protocol answers only those with a certificate of it", async () => {
  const { port } = await start({ ...asText(authority.issue("server")), tlsClientCa: clients.cert });
  const own = clients.issue("client");
  expect([await overGrpc(port, own), await overHttp1(port, own), await overHttp2(port, own)]).toEqual([0, 200, 200]);
  const other = authority.issue("client");
  for (const identity of [undefined, other]) {
    const refused = [await overGrpc(port, identity), await overHttp1(port, identity), await overHttp2(port, identity)];
    expect(refused).toEqual([status.UNAVAILABLE, 0, 0]);
  }
});

test("shows new connections a renewed certificate while a stream goes on over the old one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ortler-one-port-"));
  undo.push(() => rmSync(folder, { recursive: true }));
  const paths = { tlsCert: join(folder, "tls.crt"), tlsKey: join(folder, "tls.key") };
  const mount = ({ cert, key }: Identity): void => {
    writeFileSync(paths.tlsCert, cert);
    writeFileSync(paths.tlsKey, key);
  };
  const nameAt = async (port: number): Promise<unknown> => {
    const socket = connect({ host: "127.0.0.1", port, ca: authority.cert, ALPNProtocols: ["h2"] });
    await once(socket, "secureConnect");
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return CN;
  };
  mount(authority.issue("first"));
  const { port, proceed } = await start(paths);
  const stream = connectHttp2(port).open("/stream");
  const [head] = (await once(stream, "response")) as [IncomingHttpHeaders];
  mount(authority.issue("second"));
  await until(() => logged.includes("TLS certificate renewed"));
  expect(await nameAt(port)).toBe("second");
  proceed();
  expect([head[":status"], Buffer.concat((await stream.toArray()) as Buffer[]).toString()]).toEqual([
    200,
    "data: one\n\ndata: two\n\n",
  ]);
});
