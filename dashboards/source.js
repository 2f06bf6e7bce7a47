/**
 * What the Grafana dashboard shows, row by row. Every panel has a line or more for each replica, since a sum over
 * replicas hides the one that is slow. Metrics: docs/metrics.md. After a change: `node dashboards/generate.js`.
 */
import { gauge, mean, percentiles, rate, rateBy, select } from "./queries.js";

/** Prompt tokens that were in the KV cache already, as a share of all prompt tokens. */
const reused = rate("ortler_prefix_reused_tokens_total");
const reusedShare = { expr: `${reused} / (${reused} + ${rate("ortler_prefill_tokens_total")})`, legend: "{{pod}}" };

/** Gauges of a Node process are exported by others, too: only those of our processes. */
const ours = (expr) => `${expr} and on (job, instance) ${select("ortler_slots")}`;

/** Rows of panels: title, unit of Grafana, what the reader should know, queries. */
export const rows = [
  {
    title: "Load",
    panels: [
      {
        title: "Running sequences",
        unit: "short",
        description: "Sequences that have a slot. At the number of slots, new ones wait.",
        queries: [gauge("ortler_running_sequences", "{{pod}} running"), gauge("ortler_slots", "{{pod}} slots")],
      },
      {
        title: "Waiting sequences",
        unit: "short",
        description: "Sequences that wait for a slot: the number to scale by.",
        queries: [gauge("ortler_queue_length")],
      },
      {
        title: "Prompts",
        unit: "reqps",
        description: "Prompts that came in, over all APIs, those refused included.",
        queries: [rateBy("tgi_request_input_count_total")],
      },
      {
        title: "Generated tokens",
        unit: "short",
        description: "Tokens generated a second.",
        queries: [rateBy("ortler_completion_tokens_total")],
      },
      {
        title: "gRPC calls in progress",
        unit: "short",
        description: "Calls that are being answered, by method.",
        queries: [
          { expr: `sum by (pod, rpc_name) (${select("rpc_in_progress_gauge")})`, legend: "{{pod}} {{rpc_name}}" },
        ],
      },
    ],
  },
  {
    title: "Latency",
    panels: [
      {
        title: "First token",
        unit: "s",
        description: "From the arrival of a prompt to its first token, the wait in the queue included.",
        queries: percentiles("ortler_time_to_first_token_seconds"),
      },
      {
        title: "Between tokens",
        unit: "s",
        description: "From one token of a sequence to the next.",
        queries: percentiles("ortler_inter_token_latency_seconds"),
      },
      {
        title: "End to end",
        unit: "s",
        description: "From the arrival of a prompt until it was answered.",
        queries: percentiles("tgi_request_duration"),
      },
      {
        title: "In the queue",
        unit: "s",
        description: "From the end of validation until the first run.",
        queries: percentiles("tgi_request_queue_duration"),
      },
      {
        title: "HTTP requests",
        unit: "s",
        description: "From a request's arrival until its client has been sent everything.",
        queries: percentiles("ortler_http_request_duration_seconds"),
      },
    ],
  },
  {
    title: "Batch",
    panels: [
      {
        title: "Sequences of a decode",
        unit: "short",
        description: "Mean. The larger, the more tokens a second for the same work.",
        queries: [mean("ortler_decode_batch_size")],
      },
      {
        title: "Step",
        unit: "s",
        description: "Prompt chunks, then one decode: what lies between two tokens of a stream.",
        queries: percentiles("ortler_step_duration_seconds"),
      },
      {
        title: "Model in a run",
        unit: "s",
        description: "Mean time of the model alone in a decode.",
        queries: [mean("tgi_batch_inference_forward_duration", 'method="next_token"')],
      },
      {
        title: "Runs",
        unit: "ops",
        description: "Runs of the model: prefill is a chunk of one prompt, next_token all running sequences.",
        queries: [rateBy("tgi_batch_inference_count_total", "method")],
      },
      {
        title: "Prompt tokens run",
        unit: "short",
        description: "Prompt tokens a second: the prefill speed.",
        queries: [rateBy("ortler_prefill_tokens_total")],
      },
      {
        title: "Guesses that were right",
        unit: "percentunit",
        description: "Share of the tokens guessed from the text so far that saved a decode.",
        queries: [
          {
            expr: `${rate("ortler_draft_tokens_accepted_total")} / ${rate("ortler_draft_tokens_total")}`,
            legend: "{{pod}}",
          },
        ],
      },
    ],
  },
  {
    title: "Cache and memory",
    panels: [
      {
        title: "KV cache in use",
        unit: "percentunit",
        description: "Tokens of running sequences and kept prefixes, as a share of what there is room for.",
        queries: [
          { expr: `${select("ortler_kv_tokens")} / ${select("ortler_kv_tokens_capacity")}`, legend: "{{pod}}" },
        ],
      },
      {
        title: "Prompt tokens from the cache",
        unit: "percentunit",
        description: "Share of prompt tokens that an earlier prompt had left in the KV cache.",
        queries: [reusedShare],
      },
      {
        title: "Resident memory",
        unit: "bytes",
        description: "Weights that are mapped from a file count as far as they were read.",
        queries: [{ expr: ours(select("process_resident_memory_bytes")), legend: "{{pod}}" }],
      },
      {
        title: "Event loop delay",
        unit: "s",
        description: "99th percentile. It grows when JavaScript keeps streams waiting.",
        queries: [{ expr: ours(select("nodejs_eventloop_lag_p99_seconds")), legend: "{{pod}}" }],
      },
    ],
  },
  {
    title: "GPU",
    panels: [
      {
        title: "GPU memory",
        unit: "bytes",
        description: "In use, by whomever, and in all. Weights and KV cache are in it from the start.",
        queries: [
          gauge("ortler_device_memory_used_bytes", "{{pod}} used"),
          gauge("ortler_device_memory_size_bytes", "{{pod}} in all"),
        ],
      },
      {
        title: "GPU busy",
        unit: "percentunit",
        description: "Share of the time in which a kernel ran, for whomever. Not how much of the GPU it took.",
        queries: [gauge("ortler_device_busy_ratio")],
      },
      {
        title: "CUDA graphs",
        unit: "ops",
        description: "Decodes that replayed a graph, and those that were captured first: few, once load is steady.",
        queries: [
          { ...rateBy("ortler_graph_replays_total"), legend: "{{pod}} replayed" },
          { ...rateBy("ortler_graph_captures_total"), legend: "{{pod}} captured" },
        ],
      },
    ],
  },
  {
    title: "Errors",
    panels: [
      {
        title: "Prompts that were not answered",
        unit: "reqps",
        description:
          "validation, cancelled and timeout are the client's; conc_limit is load; generate and unknown are faults.",
        queries: [rateBy("tgi_request_failure_total", "err")],
      },
      {
        title: "Failed runs",
        unit: "ops",
        description: "Runs of the model that ended with an error.",
        queries: [rateBy("tgi_batch_inference_failure_total", "method")],
      },
      {
        title: "gRPC calls by status",
        unit: "reqps",
        description: "Calls that ended, by status.",
        queries: [rateBy("grpc_server_handled_total", "grpc_code")],
      },
      {
        title: "HTTP requests by status",
        unit: "reqps",
        description: "499: the client left.",
        queries: [rateBy("ortler_http_requests_total", "status")],
      },
    ],
  },
  {
    title: "Start",
    panels: [
      {
        title: "Model fetched",
        unit: "percentunit",
        description: "Only while a model is being fetched.",
        queries: [
          {
            expr: `${select("ortler_model_fetched_bytes")} / ${select("ortler_model_fetch_size_bytes")}`,
            legend: "{{pod}}",
          },
        ],
      },
      {
        title: "Fetch speed",
        unit: "Bps",
        description: "Only while a model is being fetched.",
        queries: [{ expr: `deriv(${select("ortler_model_fetched_bytes")}[$__rate_interval])`, legend: "{{pod}}" }],
      },
      {
        title: "Model load",
        unit: "s",
        description: "From the start of loading, fetching included, until the engine was ready.",
        queries: [gauge("ortler_model_load_seconds")],
      },
      {
        title: "Starts",
        unit: "short",
        description: "Starts of the process in the last hour.",
        queries: [{ expr: ours(`changes(${select("process_start_time_seconds")}[1h])`), legend: "{{pod}}" }],
      },
      {
        title: "What runs",
        unit: "short",
        description: "Model and precision of each replica: two digests are a rollout, or a mistake.",
        queries: [gauge("ortler_model_info", "{{pod}} {{dtype}} {{kv_dtype}} {{digest}}")],
      },
      {
        title: "Versions",
        unit: "short",
        description: "Version of the server and name of the model of each replica.",
        queries: [gauge("ortler_build_info", "{{pod}} {{version}} {{model_id}}")],
      },
    ],
  },
];
