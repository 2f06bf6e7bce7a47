import type { MetricDefinition } from "./definition.js";

/** Seconds: 1 ms to 10 s, where steps and tokens are. */
const stepSeconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 10];
/** Seconds: 5 ms to two minutes, since a first token may wait in a queue. */
const waitSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** What TGIS has no metric for. */
export const own = {
  build: {
    name: "ortler_build_info",
    type: "gauge",
    labels: ["version", "model_id"],
    help: "1; the labels say what runs.",
  },
  model: {
    name: "ortler_model_info",
    type: "gauge",
    labels: ["digest", "dtype", "kv_dtype"],
    help: "1, once the digest of the model's files is known; the labels say which model runs, and in which precision.",
  },
  fetchedBytes: {
    name: "ortler_model_fetched_bytes",
    type: "gauge",
    help: "While a model is being fetched: bytes that are here.",
  },
  fetchSize: {
    name: "ortler_model_fetch_size_bytes",
    type: "gauge",
    help: "While a model is being fetched: bytes in all.",
  },
  modelLoad: {
    name: "ortler_model_load_seconds",
    type: "gauge",
    help: "Time from the start of loading until the engine was ready.",
  },
  swaps: {
    name: "ortler_model_swaps_total",
    type: "counter",
    labels: ["result"],
    help: "New models that --watch found; result is swapped or refused.",
  },
  refusedModel: {
    name: "ortler_model_refused_info",
    type: "gauge",
    labels: ["digest", "reason"],
    help: "1 while the newest model is a refused one; reason is incomplete, unloadable, memory, settings or token-check.",
  },
  queueLength: {
    name: "ortler_queue_length",
    type: "gauge",
    help: "Sequences that wait for a slot.",
  },
  running: {
    name: "ortler_running_sequences",
    type: "gauge",
    help: "Sequences that have a slot: one at most is prefilling, the others decode.",
  },
  slots: {
    name: "ortler_slots",
    type: "gauge",
    help: "Slots: sequences that can run together.",
  },
  kvTokens: {
    name: "ortler_kv_tokens",
    type: "gauge",
    help: "Tokens in the KV cache.",
  },
  kvCapacity: {
    name: "ortler_kv_tokens_capacity",
    type: "gauge",
    help: "Tokens that the KV cache has room for.",
  },
  kvUsage: {
    name: "ortler_kv_usage_ratio",
    type: "gauge",
    help: "Share of the KV cache that is in use, from 0 to 1.",
  },
  deviceMemoryUsed: {
    name: "ortler_device_memory_used_bytes",
    type: "gauge",
    help: "On a GPU: bytes of its memory that are in use, by whomever.",
  },
  deviceMemorySize: {
    name: "ortler_device_memory_size_bytes",
    type: "gauge",
    help: "On a GPU: bytes of its memory in all.",
  },
  deviceBusy: {
    name: "ortler_device_busy_ratio",
    type: "gauge",
    help: "On a GPU: share of the last moments in which it computed, from 0 to 1, for whomever.",
  },
  graphCaptures: {
    name: "ortler_graph_captures_total",
    type: "counter",
    help: "On a GPU: decodes that were captured as CUDA graphs.",
  },
  graphReplays: {
    name: "ortler_graph_replays_total",
    type: "counter",
    help: "On a GPU: decodes that replayed one, which spares the launch of each kernel.",
  },
  stepDuration: {
    name: "ortler_step_duration_seconds",
    type: "histogram",
    buckets: stepSeconds,
    help: "Time of a step: prompt chunks, then one decode.",
  },
  decodeBatchSize: {
    name: "ortler_decode_batch_size",
    type: "histogram",
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    help: "Sequences of a decode run.",
  },
  promptTokens: {
    name: "ortler_prefill_tokens_total",
    type: "counter",
    help: "Prompt tokens that were run; its rate is the prefill speed.",
  },
  reusedTokens: {
    name: "ortler_prefix_reused_tokens_total",
    type: "counter",
    help: "Prompt tokens of finished sequences that were not run: an earlier prompt had left them in the KV cache.",
  },
  completionTokens: {
    name: "ortler_completion_tokens_total",
    type: "counter",
    help: "Tokens generated; its rate is tokens a second.",
  },
  draftedTokens: {
    name: "ortler_draft_tokens_total",
    type: "counter",
    help: "Tokens that were guessed from what a text said before, and run ahead.",
  },
  acceptedTokens: {
    name: "ortler_draft_tokens_accepted_total",
    type: "counter",
    help: "Guessed tokens that were right: each saved a decode.",
  },
  firstToken: {
    name: "ortler_time_to_first_token_seconds",
    type: "histogram",
    buckets: waitSeconds,
    help: "From the arrival of a prompt to its first token.",
  },
  interToken: {
    name: "ortler_inter_token_latency_seconds",
    type: "histogram",
    buckets: stepSeconds,
    help: "From one token of a sequence to the next.",
  },
  httpRequests: {
    name: "ortler_http_requests_total",
    type: "counter",
    labels: ["method", "route", "status"],
    help: "HTTP requests by the pattern of their route (none: no route has that path) and status (499: the client left).",
  },
  httpDuration: {
    name: "ortler_http_request_duration_seconds",
    type: "histogram",
    labels: ["method", "route"],
    buckets: waitSeconds,
    help: "From an HTTP request's arrival until its client has been sent everything.",
  },
} as const satisfies Record<string, MetricDefinition>;
