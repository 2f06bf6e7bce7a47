import { startGrpcServer, type GrpcServer } from "../../../../src/api/grpc/server.js";
import { tgisServices, type TgisOptions } from "../../../../src/api/grpc/tgis/services.js";
import { startTestEngine, type TestEngine } from "../../../support/engine.js";
import { RawClient } from "../../../support/grpc.js";
import { fixtures } from "../../../support/reference.js";

export interface TgisServer extends GrpcServer {
  readonly client: RawClient;
  /** Closes the client, then the server. */
  stop(): void;
}

/** A server of fmaas.GenerationService on a free port, and a client of it. */
export async function startTgis(options: TgisOptions): Promise<TgisServer> {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const server = await startGrpcServer({ host: "127.0.0.1", port: 0, services: tgisServices(options), log });
  const client = new RawClient(server.port);
  const stop = (): void => {
    client.close();
    server.forceStop();
  };
  return { ...server, client, stop };
}

/** A server with a real engine, which `stop` disposes too. */
export interface TgisEngineServer extends Omit<TgisServer, "stop"> {
  readonly engine: TestEngine["engine"];
  stop(): Promise<void>;
}

/** The checkpoint and the limits of the conformance table, unless others are named. */
export async function startTgisEngine(
  folder = `${fixtures}/micro-gpt2`,
  options: Parameters<typeof startTestEngine>[1] = { maxSequenceLength: 96, maxNewTokens: 64 },
): Promise<TgisEngineServer> {
  const testEngine = await startTestEngine(folder, options);
  const { engine, model } = testEngine;
  const server = await startTgis({ current: () => ({ engine, model }) });
  const stop = async (): Promise<void> => {
    server.stop();
    await engine.drain(0);
    testEngine[Symbol.dispose]();
  };
  return { ...server, engine, stop };
}
