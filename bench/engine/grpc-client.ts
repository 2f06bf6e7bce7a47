/**
 * The clients' process: `node grpc-client.js PORT`, forked by `grpc.ts`. It has an event loop of its own, so that
 * neither the server's work nor the benchmark's delays the arrival times that it takes.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { performance } from "node:perf_hooks";
import { ServerStreamingTextGenerationTaskRequestSchema } from "../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import { GeneratedTextStreamResultSchema } from "../../src/api/grpc/generated/caikit_data_model/nlp_pb.js";
import { ArrivalLog } from "./arrivals.js";
import type { ClientReport, ClientTask } from "./grpc-messages.js";

const method = "/caikit.runtime.Nlp.NlpService/ServerStreamingTextGenerationTaskPredict";
const metadata = new Metadata();
metadata.set("mm-model-id", "bench");

const connections: Client[] = [];
const address = `127.0.0.1:${process.argv[2] ?? ""}`;

/** One connection for each sequence, as independent clients have; kept for the next run. */
async function connect(count: number): Promise<void> {
  while (connections.length < count) {
    const client = new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
    connections.push(client);
    await new Promise<void>((resolve, reject) => {
      client.waitForReady(Date.now() + 10_000, (error) => (error ? reject(error) : resolve()));
    });
  }
}

async function stream(client: Client, sequence: number, task: ClientTask, log: ArrivalLog): Promise<void> {
  const prompt = task.prompts[sequence] ?? { text: "", tokens: 0 };
  const newTokens = BigInt(task.newTokens);
  const request = create(ServerStreamingTextGenerationTaskRequestSchema, {
    text: prompt.text,
    maxNewTokens: newTokens,
    minNewTokens: newTokens, // no end of text before
    generatedTokens: true, // one message for each token, also where its text is held back
  });
  const bytes = Buffer.from(toBinary(ServerStreamingTextGenerationTaskRequestSchema, request));
  const call = client.makeServerStreamRequest(method, identity, decode, bytes, metadata);
  return new Promise((resolve, reject) => {
    call.on("data", ({ details }: ReturnType<typeof decode>) => {
      const promptTokens = Number(details?.inputTokenCount ?? 0n);
      if (promptTokens > 0 && promptTokens !== prompt.tokens) {
        call.destroy(new Error(`the server sees ${promptTokens} prompt tokens, not ${prompt.tokens}`));
      }
      if (details !== undefined && details.generatedTokens > 0) log.record(sequence, details.generatedTokens);
    });
    call.on("error", reject);
    call.on("end", resolve);
  });
}

const decode = (bytes: Buffer) => fromBinary(GeneratedTextStreamResultSchema, bytes);
const identity = (bytes: Buffer): Buffer => bytes;

async function perform(task: ClientTask): Promise<void> {
  await connect(task.prompts.length);
  const observer = { opened: () => report({ type: "opened" }), closed: () => report({ type: "closed" }) };
  const start = performance.now();
  const cpuStart = process.cpuUsage();
  const log = new ArrivalLog(task.prompts.length, task.newTokens, observer);
  const clients = connections.slice(0, task.prompts.length);
  await Promise.all(clients.map(async (client, sequence) => stream(client, sequence, task, log)));
  const { user, system } = process.cpuUsage(cpuStart);
  const cpuShare = (user + system) / 1000 / (performance.now() - start);
  report({ type: "done", arrivals: log.finish(), cpuShare });
}

function report(message: ClientReport): void {
  process.send?.(message);
}

process.on("message", (task: ClientTask) => {
  perform(task).catch((error: unknown) => report({ type: "failed", message: String(error) }));
});
process.on("disconnect", () => {
  for (const client of connections) client.close();
});
