/**
 * `node startup-parts.js FOLDER`: takes the steps of a server's start one after the other, in a fresh process, and
 * prints the milliseconds of each as one JSON object. The server itself overlaps them: the session is made on a worker
 * thread, while the tokenizer and the gRPC library load.
 */
import { performance } from "node:perf_hooks";

/** Milliseconds by part. */
export type StartupParts = Readonly<Record<string, number>>;

const parts: Record<string, number> = { "node itself": performance.nodeTiming.bootstrapComplete };

async function timed<T>(part: string, action: () => T | Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await action();
  parts[part] = performance.now() - start;
  return result;
}

const folder = process.argv[2] ?? "";
const { settings, loadOptions, createLogger } = await timed("import settings and log", async () => ({
  ...(await import("../../src/config/settings.js")),
  ...(await import("../../src/config/load.js")),
  ...(await import("../../src/telemetry/log.js")),
}));
const values = await timed("read settings", () => loadOptions({ table: settings, args: ["--model", folder] }).values);
const { ort, model, engine, cpu } = await timed("import engine, model, ort", async () => ({
  ort: await import("../../src/ort/index.js"),
  model: await import("../../src/model/index.js"),
  engine: await import("../../src/engine/index.js"),
  cpu: await import("../../src/config/cpu.js"),
}));
const checkpoint = await timed("read headers", async () => model.openCheckpoint(folder));
const blueprint = await timed("check weights", () => model.architectureOf(checkpoint).read(checkpoint));
const graph = await timed("build graph", () => blueprint.buildGraph());
const session = await timed("create session", async () =>
  ort.Session.create(graph, { externalDataFolder: folder, threads: cpu.availableCpus(), isSpinning: true }),
);
const tokenizer = await timed("load tokenizer", async () => model.loadTokenizer(folder));
const loaded = {
  ...{
    id: "bench",
    folder,
    architecture: "gpt2",
    weightBytes: 0,
    dtype: "float32" as const,
    kvDtype: "float32" as const,
    device: { kind: "cpu" as const },
    selection: "block-maxima" as const,
    precisionReason: "",
    isExactInAnyOrder: false,
    threads: cpu.availableCpus(),
    eosTokenIds: [],
  },
  ...{ shape: blueprint.shape, tokenizer, session },
  dropReadPages: () => Promise.resolve(0),
  [Symbol.dispose]: () => undefined,
};
const running = await timed("create engine", () =>
  engine.createEngine(loaded, {
    ...values,
    kvMemoryBytes: values.kvMemory,
    memoryLimitBytes: cpu.memoryLimitBytes(),
    includeStopSequenceByDefault: values.defaultIncludeStopSequences,
    onFailure: () => undefined,
  }),
);
const { prepareServers } = await import("../../src/servers/prepare.js");
const { ModelDigest } = await import("../../src/model/digest/model-digest.js");
const { startServers } = await timed("import servers", async () => import("../../src/servers.js"));
await timed("listen", async () => {
  const log = createLogger({ level: "off", format: "json" });
  const ports = { host: "127.0.0.1", grpcPort: 0, tgisPort: 0, httpPort: 0, healthPort: 0 };
  const config = { ...values, ...ports };
  const parts = { ...prepareServers(config, log), version: "bench", log };
  const digest = new ModelDigest(Promise.resolve([]), `sha256:${"0".repeat(64)}`);
  const ending = new AbortController().signal;
  const served = { ...running, model: loaded, digest, loadMs: 0, ending, release: () => Promise.resolve() };
  return startServers(config, served, parts);
});
process.stdout.write(JSON.stringify(parts), () => process.exit(0));
