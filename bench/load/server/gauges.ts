/** What servers say of themselves, by whatever name each of them has for it. */

/** Undefined: this server does not say. */
export interface ServerGauges {
  /** Requests that wait. */
  readonly queue: number | undefined;
  /** Requests that are being worked on. */
  readonly running: number | undefined;
  /** Sequences of a decode run, on average since the sample before. */
  readonly batch: number | undefined;
  /** Share of the KV cache in use, in [0, 1]. */
  readonly kvShare: number | undefined;
}

type Metrics = ReadonlyMap<string, number>;

/** Ortler, TGIS and TGI, vLLM, llama.cpp's server: the first that is there. */
const names = {
  queue: ["ortler_queue_length", "tgi_queue_size", "vllm:num_requests_waiting", "llamacpp:requests_deferred"],
  running: [
    "ortler_running_sequences",
    "tgi_batch_current_size",
    "vllm:num_requests_running",
    "llamacpp:requests_processing",
  ],
  kvShare: ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "llamacpp:kv_cache_usage_ratio"],
} as const;

/** @param before the sample before; undefined at the first. */
export function readGauges(now: Metrics, before: Metrics | undefined): ServerGauges {
  const first = (list: readonly string[]): number | undefined =>
    list.map((name) => now.get(name)).find((value) => value !== undefined);
  return {
    queue: first(names.queue),
    running: first(names.running),
    batch: meanBetween("ortler_decode_batch_size", now, before) ?? now.get("tgi_batch_current_size"),
    kvShare: quotient(now.get("ortler_kv_tokens"), now.get("ortler_kv_tokens_capacity")) ?? first(names.kvShare),
  };
}

/** Mean of what a histogram or summary has seen between two samples; undefined when that is nothing. */
function meanBetween(name: string, now: Metrics, before: Metrics | undefined): number | undefined {
  const since = (part: string): number => (now.get(name + part) ?? NaN) - (before?.get(name + part) ?? NaN);
  const count = since("_count");
  return count > 0 ? since("_sum") / count : undefined;
}

function quotient(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined || whole === 0 ? undefined : part / whole;
}
