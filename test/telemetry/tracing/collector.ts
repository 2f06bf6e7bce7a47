/** Collectors that keep what they are sent: one for each protocol of OTLP. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import { readExport, type ReceivedSpan } from "./otlp.js";

export interface Collector {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** `POST /v1/traces`, with the headers; of gRPC the metadata. */
  readonly exports: { readonly what: string; readonly headers: IncomingHttpHeaders | Record<string, unknown> }[];
  close(): void;
}

/** Takes exports over HTTP on a free port; it answers `status`. */
export async function startHttpCollector(status = 200): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const exports: Collector["exports"] = [];
  const server = createServer((request, response) => {
    void request.toArray().then((chunks) => {
      exports.push({ what: `${request.method ?? ""} ${request.url ?? ""}`, headers: request.headers });
      spans.push(...readExport(Buffer.concat(chunks as Buffer[])));
      response.writeHead(status).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}`, spans, exports, close };
}

/** Takes exports over gRPC on a free port. */
export async function startGrpcCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const exports: Collector["exports"] = [];
  const path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
  const server = new Server();
  const take = ({ request, metadata }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
    exports.push({ what: path, headers: metadata.getMap() });
    spans.push(...readExport(request));
    done(null, Buffer.alloc(0));
  };
  const same = (bytes: Buffer): Buffer => bytes;
  server.register(path, take, same, same, "unary");
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { url: `http://127.0.0.1:${port}`, spans, exports, close: () => server.forceShutdown() };
}
