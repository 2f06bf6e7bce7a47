/** The whole server over the checkpoint of the tables, with their limits. */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KnownModels } from "../../src/api/caikit/models.js";
import { caikitServices } from "../../src/api/grpc/caikit/services.js";
import { openInferenceServices } from "../../src/api/grpc/open-inference/services.js";
import { startGrpcServer } from "../../src/api/grpc/server.js";
import { tgisServices } from "../../src/api/grpc/tgis/services.js";
import { caikitRest } from "../../src/api/http/caikit/rest.js";
import { openAiApi, openChatPrompts } from "../../src/api/http/openai/index.js";
import { openInferenceApi } from "../../src/api/http/open-inference/index.js";
import { startHttpServer } from "../../src/api/http/server.js";
import { tgiApi } from "../../src/api/http/tgi/index.js";
import { fixture } from "../support/checkpoints.js";
import { startTestEngine, type TestEngine } from "../support/engine.js";
import { GrpcClient } from "./grpc/client.js";
import { HttpClient } from "./http/client.js";
import type { Clients } from "./table.js";

export interface ConformanceServer extends Clients {
  readonly engine: TestEngine["engine"];
  readonly ports: { readonly grpc: number; readonly http: number };
  stop(): Promise<void>;
}

/** Those that the tables' heads name. */
export const limits = { maxSequenceLength: 96, maxNewTokens: 64, maxConcurrentRequests: 8192, maxSlots: 32 };

/** All APIs over one engine. */
export async function startConformanceServer(
  startEngine: (folder: string) => Promise<TestEngine> = async (folder) => startTestEngine(folder, limits),
): Promise<ConformanceServer> {
  const checkpoint = await chatCheckpoint();
  const testEngine = await startEngine(checkpoint.folder);
  const { engine, model } = testEngine;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const producer = { name: "Text Generation", version: "0.1.0" };
  const models = new KnownModels(() => ({ id: model.id, path: `/models/${model.id}`, sizeBytes: 4711, producer }));
  const fingerprint = (): string => "fp_0123456789ab";
  const serving = { engine, model, chatPrompts: await openChatPrompts({ engine, model }, log) };
  const options = {
    current: () => serving,
    models,
    version: "1",
    fingerprint,
    isReady: () => true,
    requestTimeoutMs: 0,
    log,
  };
  const services = [...tgisServices(options), ...caikitServices(options), ...openInferenceServices(options)];
  const tgi = tgiApi({ ...options, maxConcurrentRequests: limits.maxConcurrentRequests });
  const apis = [caikitRest(options), openAiApi(options), tgi, openInferenceApi(options)];
  const grpcServer = await startGrpcServer({ host: "127.0.0.1", port: 0, services, log });
  const httpServer = await startHttpServer({ host: "127.0.0.1", port: 0, apis, log });
  const grpc = new GrpcClient(`127.0.0.1:${grpcServer.port}`);
  const http = new HttpClient(`127.0.0.1:${httpServer.port}`);
  const stop = async (): Promise<void> => {
    grpc.close();
    grpcServer.forceStop();
    httpServer.forceStop();
    await engine.drain(0);
    testEngine[Symbol.dispose]();
    await checkpoint.remove();
  };
  return { engine, grpc, http, ports: { grpc: grpcServer.port, http: httpServer.port }, stop };
}

/** The fixture with the template of the tables in it, which takes part in conversations only. */
async function chatCheckpoint(): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const parent = await mkdtemp(join(tmpdir(), "ortler-conformance-"));
  const folder = join(parent, "micro-gpt2");
  await cp(fixture("micro-gpt2"), folder, { recursive: true });
  await cp("test/conformance/openai/chat_template.jinja", join(folder, "chat_template.jinja"));
  return { folder, remove: async () => rm(parent, { recursive: true, force: true }) };
}
