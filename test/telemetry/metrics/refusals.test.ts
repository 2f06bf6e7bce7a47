/** What TGIS's API refuses by itself is counted as what the engine refuses is. */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  BatchedGenerationRequestSchema as Batch,
  DecodingParameters_ResponseFormat as Format,
  SingleGenerationRequestSchema as Single,
} from "../../../src/api/grpc/generated/fmaas/generation_pb.js";
import { createMetrics, type Metrics } from "../../../src/telemetry/metrics/create-metrics.js";
import { plainTokenizer } from "../../api/grpc/tgis/plain-tokenizer.js";
import { startTgis, type TgisServer } from "../../api/grpc/tgis/server.js";
import { parseExposition } from "../../support/exposition.js";
import { encode } from "../../support/grpc.js";
import { ScriptedEngine } from "../../support/scripted-engine.js";

const service = "/fmaas.GenerationService";
const limits = { maxSequenceLength: 96, maxNewTokens: 64, vocabularySize: 600, includeStopSequenceByDefault: true };
const single = { requests: [{ text: "p" }] };
const batch = { requests: [{ text: "p" }, { text: "q" }] };

let metrics: Metrics;
let server: TgisServer;

beforeEach(async () => {
  metrics = createMetrics({
    limits: { ...limits, slots: 1 },
    version: "1",
    model: { id: "m", weightBytes: 1, loadMs: 1, dtype: "float32", kvDtype: "float32", digest: () => undefined },
    engineState: () => ({ waiting: 0, prefilling: 0, running: 0, cachedTokens: 0 }),
  });
  const engine = Object.assign(new ScriptedEngine(), { limits });
  const model = { tokenizer: plainTokenizer() };
  server = await startTgis({ current: () => ({ engine, model }), counters: metrics });
});
afterEach(() => server.stop());

/** The series of calls, prompts and failures: labels and value. */
async function counted(): Promise<string[][]> {
  const families = parseExposition(await metrics.exposition());
  return ["tgi_request_count", "tgi_request_input_count", "tgi_request_failure"].map((name) =>
    (families.get(name)?.samples ?? []).map(({ labels, value }) => [...labels.values(), value].join(" ")),
  );
}

test.each([
  { what: "an adapter", method: "Generate", request: encode(Batch, { ...single, adapterId: "a" }), kind: "single" },
  { what: "a tuned prompt", method: "Generate", request: encode(Batch, { ...single, prefixId: "p" }), kind: "single" },
  {
    what: "guided decoding",
    method: "Generate",
    request: encode(Batch, { ...single, params: { decoding: { guided: { case: "regex", value: "a" } } } }),
    kind: "single",
  },
  {
    what: "broken parameters of a tuned prompt",
    method: "Generate",
    request: encode(Batch, { ...single, prefixId: "p", params: { stopping: { maxNewTokens: 65 } } }),
    kind: "single",
  },
  {
    what: "a stream in JSON",
    method: "GenerateStream",
    request: encode(Single, {
      request: { text: "p" },
      params: { decoding: { guided: { case: "format", value: Format.JSON } } },
    }),
    kind: "stream",
  },
])("a call that asks for $what counts as one failed validation", async ({ method, request, kind }) => {
  await server.client.call(`${service}/${method}`, request);
  expect(await counted()).toEqual([[`${kind} 1`], ["1"], ["validation 1"]]);
});

test("a batch that asks for a tuned prompt counts with all its prompts, and as one failure", async () => {
  await server.client.call(`${service}/Generate`, encode(Batch, { ...batch, prefixId: "p" }));
  expect(await counted()).toEqual([["batch 1"], ["2"], ["validation 1"]]);
});

test("a call that is served is not counted by the API: the engine's observer does it", async () => {
  await server.client.call(`${service}/Generate`, encode(Batch, single));
  expect(await counted()).toEqual([[], [], []]);
});
