import {
  Client,
  credentials,
  Metadata,
  type CallOptions,
  type ClientReadableStream,
  type status,
  type StatusObject,
} from "@grpc/grpc-js";
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { Logger } from "../../src/api/log.js";
import { KnownModels } from "../../src/api/caikit/models.js";
import { caikitServices, type CaikitOptions } from "../../src/api/grpc/caikit/services.js";
import { startGrpcServer, type GrpcServer } from "../../src/api/grpc/server.js";
import type { TextEngine } from "../../src/api/text-engine.js";
import { startTestEngine, type TestEngine } from "./engine.js";
import { fixtures } from "./reference.js";

/** What a client saw of one call. */
export interface RawAnswer {
  readonly code: status;
  readonly details: string;
  readonly messages: readonly Buffer[];
  /** Metadata behind the messages, without the fields that HTTP itself has in an answer without a body. */
  readonly trailers: Readonly<Record<string, unknown>>;
}

export interface TestServer extends GrpcServer {
  readonly client: RawClient;
  /** What was logged: `level message`, with the fields. */
  readonly logged: { readonly line: string; readonly fields: Readonly<Record<string, unknown>> }[];
  /** Closes the client, then the server. */
  stop(): void;
}

/** A Caikit server, on a free port when none is named, and a client of it. The model is `micro-gpt2`. */
export async function startCaikit(
  engine: TextEngine,
  options: Partial<CaikitOptions> = {},
  port = 0,
): Promise<TestServer> {
  const logged: { line: string; fields: Readonly<Record<string, unknown>> }[] = [];
  const logAs =
    (level: string): Logger["info"] =>
    (message, fields = {}) =>
      void logged.push({ line: `${level} ${message}`, fields });
  const log = { info: logAs("info"), warn: logAs("warn"), error: logAs("error") };
  const model = {
    id: "micro-gpt2",
    path: "/models/micro-gpt2",
    sizeBytes: 4711,
    producer: { name: "Text Generation", version: "0.1.0" },
  };
  const models = new KnownModels(() => model);
  const services = caikitServices({ current: () => ({ engine }), models, requestTimeoutMs: 0, ...options });
  const server = await startGrpcServer({ host: "127.0.0.1", port, services, log });
  const client = new RawClient(server.port);
  const stop = (): void => {
    client.close();
    server.forceStop();
  };
  return { ...server, client, logged, stop };
}

/** A server with a real engine, which `stop` disposes too. */
export interface EngineServer extends Omit<TestServer, "stop"> {
  readonly engine: TestEngine["engine"];
  stop(): Promise<void>;
}

/** A Caikit server over a checkpoint; by default the one, with the limits, that the original was recorded with. */
export async function startTestServer(
  folder = `${fixtures}/micro-gpt2`,
  limits: Parameters<typeof startTestEngine>[1] = { maxSequenceLength: 96, maxNewTokens: 64 },
): Promise<EngineServer> {
  const testEngine = await startTestEngine(folder, limits);
  const { engine } = testEngine;
  const server = await startCaikit(engine);
  const stop = async (): Promise<void> => {
    server.stop();
    await engine.drain(0);
    testEngine[Symbol.dispose]();
  };
  return { ...server, engine, stop };
}

/** A grpc-js client that sends and receives plain bytes. */
export class RawClient {
  readonly #client: Client;

  constructor(port: number) {
    // One connection for each client, none shared through the global pool.
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  close(): void {
    this.#client.close();
  }

  /** Starts a call with one request; the caller reads it. */
  start(
    method: string,
    request: Uint8Array = new Uint8Array(),
    metadata: readonly (readonly [string, string])[] = modelId,
    options: CallOptions = {},
  ): ClientReadableStream<Buffer> {
    const bytes = Buffer.from(request);
    return this.#client.makeServerStreamRequest(method, identity, identity, bytes, toMetadata(metadata), options);
  }

  /** Runs a call with one request to its end. */
  async call(...args: Parameters<RawClient["start"]>): Promise<RawAnswer> {
    return finish(this.start(...args));
  }

  /** Runs a bidirectional call with these requests to its end. */
  async callMany(method: string, requests: readonly Uint8Array[]): Promise<RawAnswer> {
    const call = this.#client.makeBidiStreamRequest(method, identity, identity, new Metadata());
    for (const request of requests) call.write(Buffer.from(request));
    call.end();
    return finish(call);
  }
}

/** Metadata that most calls need. */
export const modelId = [["mm-model-id", "micro-gpt2"]] as const;

/** Reads a call to its end, which must not have come yet; an error status is an answer like any other. */
export async function finish(call: ClientReadableStream<Buffer>): Promise<RawAnswer> {
  const messages: Buffer[] = [];
  call.on("data", (message: Buffer) => messages.push(message)).resume();
  call.on("error", () => undefined); // the status says the same
  return new Promise((resolve) => {
    call.on("status", ({ code, details, metadata }: StatusObject) => {
      metadata.remove("content-type");
      metadata.remove("date");
      resolve({ code, details, messages, trailers: metadata.getMap() });
    });
  });
}

/** The next message of a call. */
export async function nextMessage(call: ClientReadableStream<Buffer>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    call.once("data", (message: Buffer) => {
      call.pause();
      resolve(message);
    });
    call.once("error", reject);
    call.resume();
  });
}

export function encode<S extends DescMessage>(schema: S, message: MessageInitShape<S>): Uint8Array {
  return toBinary(schema, create(schema, message));
}

/** The only message of an answer, decoded. */
export function only<S extends DescMessage>(schema: S, { messages }: RawAnswer): MessageShape<S> {
  const [message] = messages;
  if (message === undefined || messages.length !== 1) throw new Error(`expected one message, got ${messages.length}`);
  return fromBinary(schema, message);
}

/** Values of names that end in `-bin` are given in hex. */
function toMetadata(pairs: readonly (readonly [string, string])[]): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of pairs) metadata.add(name, name.endsWith("-bin") ? Buffer.from(value, "hex") : value);
  return metadata;
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
