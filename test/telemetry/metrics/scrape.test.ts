import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { observeAll, type Caller } from "../../../src/engine/observer.js";
import type { UncheckedRequest } from "../../../src/engine/request.js";
import { tgis } from "../../../src/telemetry/metrics/tgis-definitions.js";
import { createMetrics, type Metrics } from "../../../src/telemetry/metrics/create-metrics.js";
import { startTestEngine, type TestEngine } from "../../support/engine.js";
import { bucketsOf, parseExposition, type Family, type Sample } from "../../support/exposition.js";
import { caikitMetrics, durationBounds, tgisMetrics } from "./contract.js";

/** A loaded engine of 96 positions, 4 slots, at most 32 new tokens, and its metrics. */
let running: TestEngine;
let metrics: Metrics;
let idle: ReadonlyMap<string, Family>;
let busy: ReadonlyMap<string, Family>;
let done: ReadonlyMap<string, Family>;

const scrape = async () => parseExposition(await metrics.exposition());

function ask(fields: Partial<UncheckedRequest>, caller: Caller, signal = new AbortController().signal) {
  const asked = { prompt: "the cat sat on the mat", method: "greedy", maxNewTokens: 5, minNewTokens: 5 } as const;
  return running.engine.generate({ ...asked, ...fields }, signal, caller);
}

async function toEnd(events: AsyncIterator<unknown>): Promise<void> {
  while ((await events.next()).done !== true);
}

beforeAll(async () => {
  const sizes = { maxSlots: 4, maxNewTokens: 32, maxConcurrentRequests: 11, decodeSlowdown: Infinity };
  running = await startTestEngine("test/fixtures/micro-gpt2", sizes);
  const { engine } = running;
  metrics = createMetrics({
    limits: { ...engine.limits, slots: 4 },
    version: "1.2.3",
    model: {
      id: 'a "micro"\\gpt2',
      weightBytes: 1234,
      loadMs: 250,
      dtype: "float32",
      kvDtype: "float32",
      digest: () => undefined,
    },
    engineState: () => ({ ...engine.counts, cachedTokens: engine.cachedTokens }),
  });
  engine.observe(observeAll(...metrics.observers));
  idle = await scrape();

  const answers = [
    ...[0, 1, 2, 3, 4].map(() => ask({}, { kind: "single" })),
    ask({ method: "sample", seed: 1n }, { kind: "stream" }),
    ask({}, { kind: "stream" }),
    ask({ maxNewTokens: 32 }, { kind: "single" }),
    ask({}, { kind: "batch", batch: { index: 0, size: 2 } }),
    ask({}, { kind: "batch", batch: { index: 1, size: 2 } }),
  ];
  for (const events of answers) await events.next();
  const client = new AbortController();
  const gone = ask({}, {}, client.signal);
  await gone.next();
  await expect(ask({}, {}).next()).rejects.toThrow("too many");
  client.abort();
  await expect(toEnd(gone)).rejects.toThrow();
  await expect(ask({ minNewTokens: 9 }, { kind: "stream" }).next()).rejects.toThrow("minimum");
  await expect(ask({ prompt: "the ".repeat(200) }, {}).next()).rejects.toThrow("fewer than");
  const [first, ...others] = answers.map(toEnd);
  await first;
  busy = await scrape();
  await Promise.all(others);
  metrics.countTokenize({ texts: 2, tokens: 100, durationMs: 3 });
  metrics.countEmptyBatch();
  done = await scrape();
});
afterAll(() => running[Symbol.dispose]());

/** The value of the only sample of that name with these labels. */
function valueOf(families: ReadonlyMap<string, Family>, family: string, labels = "", name = family): number {
  const text = ({ labels: pairs }: Sample) => [...pairs].map(([label, value]) => `${label}=${value}`).join(" ");
  const found = families.get(family)?.samples.filter((sample) => sample.name === name && text(sample) === labels) ?? [];
  const [sample] = found;
  if (sample === undefined || found.length > 1) throw new Error(`${found.length} of ${name} ${labels}`);
  return sample.value;
}

const countOf = (name: string, labels = ""): number => valueOf(done, name, labels, `${name}_count`);
const sumOf = (name: string, labels = ""): number => valueOf(done, name, labels, `${name}_sum`);

const boundsOf: Readonly<Record<string, readonly number[]>> = {
  duration: durationBounds,
  sequence: Array.from({ length: 64 }, (_, index) => 1.5 * (index + 1)),
  "new-tokens": Array.from({ length: 64 }, (_, index) => 0.5 * (index + 1)),
  batch: [1, 2, 3, 4],
  tokenized: [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288],
};

describe("a scrape of a loaded engine", () => {
  const served = Object.values(tgis).filter(({ name }) => name !== "tgi_batch_inference_failure"); // no run failed
  const rows = served.map(({ name }) => [name, tgisMetrics[name]] as const);

  test.each(rows)("shows %s as the contract has it", (name, contract) => {
    const family = done.get(name);
    expect(family?.type).toBe(contract?.type);
    const labels = family?.samples.map(({ labels: pairs }) =>
      [...pairs.keys()].filter((label) => label !== "le" && label !== "quantile"),
    );
    expect(labels).toEqual(family?.samples.map(() => contract?.labels));
    const bounds = new Set(bucketsOf(family?.samples ?? []).map(({ le }) => le));
    expect([...bounds]).toEqual(
      contract?.buckets === undefined ? [] : [...(boundsOf[contract.buckets] ?? []), Infinity],
    );
  });

  test("shows every counter of TGIS twice, with the same series and values", () => {
    const counters = rows.filter(([, contract]) => contract?.type === "counter").map(([name]) => name);
    const seriesOf = (name: string, suffix: string) =>
      done.get(name + suffix)?.samples.map(({ labels, value }) => [...labels, value]);
    expect(counters.length).toBe(8);
    expect(counters.map((name) => seriesOf(name, "_total"))).toEqual(counters.map((name) => seriesOf(name, "")));
  });

  test("shows the quantiles of TGIS's summaries", () => {
    const quantiles = done.get("tgi_batch_next_tokens")?.samples.flatMap(({ labels }) => labels.get("quantile") ?? []);
    expect(quantiles).toEqual(["0", "0.5", "0.9", "0.95", "0.99", "0.999", "1"]);
  });

  test("had nothing of TGIS's before the first request", () => {
    expect([...idle.keys()].filter((name) => name.startsWith("tgi_"))).toEqual([]);
  });

  test("counts calls, prompts, answers and refusals", () => {
    const counts = {
      single: valueOf(done, "tgi_request_count", "kind=single"), // 6 answered, one gone, one too many, one too long
      stream: valueOf(done, "tgi_request_count", "kind=stream"), // 2 answered, one invalid
      batch: valueOf(done, "tgi_request_count", "kind=batch"), // one of two prompts, one of none
      inputs: valueOf(done, "tgi_request_input_count"),
      success: valueOf(done, "tgi_request_success", "stop_reason=MAX_TOKENS kind=batch"),
      tooMany: valueOf(done, "tgi_request_failure", "err=conc_limit"),
      invalid: valueOf(done, "tgi_request_failure", "err=validation"),
      gone: valueOf(done, "tgi_request_failure", "err=cancelled"),
    };
    expect(counts).toEqual({
      ...{ single: 9, stream: 3, batch: 2, inputs: 14, success: 2 },
      ...{ tooMany: 1, invalid: 2, gone: 1 },
    });
  });

  test("measures each answered prompt once, and each run", () => {
    const answered = [
      "tgi_request_generated_tokens",
      "tgi_request_total_tokens",
      "tgi_request_duration",
      "tgi_request_inference_duration",
      "tgi_request_mean_time_per_token_duration",
      "tgi_request_queue_duration",
      "ortler_time_to_first_token_seconds",
    ];
    expect(answered.map((name) => countOf(name))).toEqual(answered.map(() => 10));
    expect(["tgi_request_max_new_tokens", "tgi_request_input_length"].map((name) => countOf(name))).toEqual([11, 11]);
    expect(countOf("tgi_request_raw_input_length")).toBe(12); // and the one that was too long
    expect(sumOf("tgi_batch_inference_batch_size", "method=prefill")).toBe(10); // several prompts may run together
    expect(valueOf(done, "tgi_batch_inference_success", "method=prefill")).toBe(
      countOf("tgi_batch_inference_batch_size", "method=prefill"),
    );
    expect(countOf("tgi_batch_inference_batch_size", "method=next_token")).toBe(
      countOf("tgi_batch_inference_forward_duration", "method=next_token makeup=single_only"),
    );
  });

  test("agrees with itself on tokens: generated, decoded, prefilled", () => {
    const generated = sumOf("tgi_request_generated_tokens");
    expect(generated).toBe(valueOf(done, "ortler_completion_tokens_total"));
    expect(sumOf("ortler_decode_batch_size")).toBe(generated - 10); // a prefill gives the first token
    expect(countOf("ortler_inter_token_latency_seconds")).toBe(generated - 10);
    expect(sumOf("tgi_batch_next_tokens")).toBe(valueOf(done, "ortler_prefill_tokens_total"));
    expect(sumOf("tgi_request_total_tokens")).toBe(generated + valueOf(done, "ortler_prefill_tokens_total"));
  });

  test("shows what is going on while it goes on, and zero when all is done", () => {
    const gauges = ["tgi_batch_current_size", "tgi_batch_input_tokens", "tgi_batch_max_remaining_tokens"];
    const states = ["ortler_running_sequences", "ortler_kv_tokens", "ortler_kv_usage_ratio"];
    expect([...gauges, ...states].filter((name) => !(valueOf(busy, name) > 0))).toEqual([]);
    expect(valueOf(busy, "ortler_kv_usage_ratio")).toBe(valueOf(busy, "ortler_kv_tokens") / (4 * 96));
    const all = [...gauges, ...states, "tgi_queue_size", "ortler_queue_length"];
    expect(all.map((name) => valueOf(done, name))).toEqual(all.map(() => 0));
  });

  test("says what runs, from the start", () => {
    expect(valueOf(idle, "ortler_build_info", 'version=1.2.3 model_id=a "micro"\\gpt2')).toBe(1);
    expect([valueOf(idle, "ortler_slots"), valueOf(idle, "ortler_kv_tokens_capacity")]).toEqual([4, 4 * 96]);
    expect(valueOf(idle, "ortler_model_load_seconds")).toBe(0.25);
    expect(valueOf(idle, "total_loaded_models_size", "model_type=standalone-model")).toBe(1234);
    const load = idle.get("caikit_core_load_model_duration_seconds");
    expect([load?.type, load?.samples.map(({ name, value }) => [name, value])]).toEqual([
      caikitMetrics["caikit_core_load_model_duration_seconds"]?.type,
      [
        ["caikit_core_load_model_duration_seconds_sum", 0.25],
        ["caikit_core_load_model_duration_seconds_count", 1],
      ],
    ]);
  });

  test("has the usual metrics of the process", () => {
    const usual = ["process_cpu_seconds_total", "process_resident_memory_bytes", "nodejs_eventloop_lag_seconds"];
    expect(usual.filter((name) => !idle.has(name))).toEqual([]);
  });
});
