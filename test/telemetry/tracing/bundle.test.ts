/** Tracing as it is shipped: bundled as `scripts/build.js` does it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Metafile } from "esbuild";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { startTracing } from "../../../src/telemetry/tracing/start.js";
import { startGrpcCollector, startHttpCollector } from "./collector.js";
import { callTree, startTraced, traceCall, treeOf } from "./harness.js";

const folder = mkdtempSync(join(tmpdir(), "tracing-"));
let outputs: Metafile["outputs"];
let start: typeof startTracing;

beforeAll(async () => {
  const { metafile } = await build({
    entryPoints: ["src/telemetry/tracing/start.ts"],
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    metafile: true,
    bundle: true,
    splitting: true,
    platform: "node",
    target: "node20",
    format: "esm",
    banner: {
      js: `import { createRequire as createRequireOf } from "node:module";const require=createRequireOf(import.meta.url);`,
    },
  });
  ({ outputs } = metafile);
  const bundle = (await import(pathToFileURL(join(folder, "start.mjs")).href)) as { startTracing: typeof startTracing };
  start = bundle.startTracing;
});
afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ["grpc", startGrpcCollector],
  ["http/protobuf", startHttpCollector],
])("the bundle exports over %s", async (protocol, startCollector) => {
  vi.stubEnv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
  const collector = await startCollector();
  const tracing = await startTraced({ otlpEndpoint: collector.url }, { start });
  traceCall(tracing);
  await tracing.close(10_000);
  collector.close();
  expect(treeOf(collector.spans)).toEqual(callTree);
});

test("the bundle loads nothing of OpenTelemetry before traces are wanted", () => {
  const [path, entry] = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint?.endsWith("start.ts")) ?? [];
  const loaded = new Set([
    path,
    ...(entry?.imports ?? []).filter(({ kind }) => kind === "import-statement").map((each) => each.path),
  ]);
  const inputs = [...loaded].flatMap((output) => Object.keys(outputs[output ?? ""]?.inputs ?? {}));
  expect(inputs.filter((input) => input.includes("node_modules"))).toEqual([]);
  expect(inputs).toContain("src/telemetry/tracing/start.ts");
});
