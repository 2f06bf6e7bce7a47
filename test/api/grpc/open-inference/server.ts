import { startGrpcServer } from "../../../../src/api/grpc/server.js";
import { openInferenceServices } from "../../../../src/api/grpc/open-inference/services.js";
import { openInferenceApi } from "../../../../src/api/http/open-inference/index.js";
import { startHttpServer } from "../../../../src/api/http/server.js";
import { startTestEngine, type TestEngine } from "../../../support/engine.js";
import { RawClient } from "../../../support/grpc.js";

export const slots = 2;

export interface InferenceServer {
  readonly engine: TestEngine["engine"];
  readonly client: RawClient;
  /** Of the REST form, over the same engine: `http://127.0.0.1:PORT` */
  readonly url: string;
  stop(): Promise<void>;
}

/** Both forms of the protocol over one engine, with the model that ships with the server. */
export async function startInference(isReady: () => boolean = () => true): Promise<InferenceServer> {
  const testEngine = await startTestEngine("models/tiny", { maxSlots: slots });
  const { engine, model } = testEngine;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const options = { current: () => ({ engine, model }), version: "1", isReady };
  const address = { host: "127.0.0.1", port: 0, log };
  const grpc = await startGrpcServer({ ...address, services: openInferenceServices(options) });
  const http = await startHttpServer({ ...address, apis: [openInferenceApi({ ...options, log })] });
  const client = new RawClient(grpc.port);
  const stop = async (): Promise<void> => {
    client.close();
    grpc.forceStop();
    await http.drain(0);
    await engine.drain(0);
    testEngine[Symbol.dispose]();
  };
  return { engine, client, url: `http://127.0.0.1:${http.port}`, stop };
}
