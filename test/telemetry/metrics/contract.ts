import type { BucketRule } from "../../../src/telemetry/metrics/buckets.js";

/** A metric as the contract has it. */
export interface ContractMetric {
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly labels: readonly string[];
  readonly buckets?: BucketRule;
}

const counter = (...labels: string[]): ContractMetric => ({ type: "counter", labels });
const gauge = (...labels: string[]): ContractMetric => ({ type: "gauge", labels });
const summary = (...labels: string[]): ContractMetric => ({ type: "summary", labels });
const histogram = (buckets: BucketRule, ...labels: string[]): ContractMetric => ({
  type: "histogram",
  labels,
  buckets,
});

/** All of TGIS's. */
export const tgisMetrics: Readonly<Record<string, ContractMetric>> = {
  tgi_request_count: counter("kind"),
  tgi_request_input_count: counter(),
  tgi_request_failure: counter("err"),
  tgi_request_success: counter("stop_reason", "kind"),
  tgi_request_max_new_tokens: histogram("new-tokens"),
  tgi_request_input_length: histogram("sequence"),
  tgi_request_raw_input_length: summary(),
  tgi_request_mean_time_per_token_duration: histogram("duration"),
  tgi_request_validation_duration: histogram("duration"),
  tgi_request_queue_duration: histogram("duration"),
  tgi_request_inference_duration: histogram("duration"),
  tgi_request_duration: histogram("duration"),
  tgi_request_generated_tokens: histogram("new-tokens"),
  tgi_request_total_tokens: histogram("sequence"),
  tgi_tokenize_request_count: counter(),
  tgi_tokenize_request_input_count: counter(),
  tgi_tokenize_request_tokens: histogram("tokenized"),
  tgi_tokenize_request_duration: histogram("duration"),
  tgi_queue_size: gauge(),
  tgi_queue_jump: counter(),
  tgi_granular_batch_addition: counter(),
  tgi_prefill_weight_limit_exceeded: counter(),
  tgi_prefill_padding_limit_exceeded: counter(),
  tgi_batch_concatenation_count: counter(),
  tgi_batch_inference_count: counter("method"),
  tgi_batch_inference_success: counter("method"),
  tgi_batch_inference_failure: counter("method", "reason"),
  tgi_batch_inference_batch_size: histogram("batch", "method"),
  tgi_batch_inference_duration: histogram("duration", "method", "makeup"),
  tgi_batch_inference_forward_duration: histogram("duration", "method", "makeup"),
  tgi_batch_inference_tokproc_duration: histogram("duration", "method", "makeup"),
  tgi_batch_next_tokens: summary(),
  tgi_batch_current_size: gauge(),
  tgi_batch_input_tokens: gauge(),
  tgi_batch_max_remaining_tokens: gauge(),
  tgi_prompt_load_duration: histogram("duration"),
  tgi_prompt_load_failure: counter(),
};

const grpc = ["grpc_method", "grpc_service", "grpc_type"];

/** All of Caikit's but `python_*` and `process_*`. */
export const caikitMetrics: Readonly<Record<string, ContractMetric>> = {
  predict_rpc_count_total: counter("code", "grpc_request", "model_id"),
  predict_job_rpc_count_total: counter("code", "grpc_request", "model_id"),
  predict_from_proto_duration_seconds: summary("grpc_request", "model_id"),
  predict_caikit_library_duration_seconds: summary("grpc_request", "model_id"),
  predict_to_proto_duration_seconds: summary("grpc_request", "model_id"),
  rpc_in_progress_gauge: gauge("rpc_name"),
  load_model_duration_seconds: summary("model_type"),
  caikit_core_load_model_duration_seconds: summary("model_type"),
  load_model_exception_count_total: counter("model_type"),
  total_loaded_models: gauge("model_id", "model_type"),
  total_loaded_models_size: gauge("model_type"),
  grpc_server_started_total: counter(...grpc),
  grpc_server_msg_received_total: counter(...grpc),
  grpc_server_msg_sent_total: counter(...grpc),
  grpc_server_handled_total: counter(...grpc, "grpc_code"),
  grpc_server_handling_seconds: histogram("duration", ...grpc),
  grpc_server_handled_latency_seconds: histogram("duration", ...grpc),
};

/** The contract's bounds for `duration`, digit for digit. */
export const durationBounds = [
  0.00015000000000000001, 0.00022500000000000002, 0.0003375, 0.00050625, 0.000759375, 0.0011390624999999999,
  0.0017085937499999998, 0.0025628906249999996, 0.0038443359374999994, 0.00576650390625, 0.008649755859375,
  0.0129746337890625, 0.01946195068359375, 0.029192926025390625, 0.043789389038085935, 0.0656840835571289,
  0.09852612533569335, 0.14778918800354002, 0.22168378200531003, 0.33252567300796504, 0.49878850951194753,
  0.7481827642679213, 1.122274146401882, 1.683411219602823, 2.5251168294042348, 3.787675244106352, 5.681512866159528,
  8.52226929923929, 12.783403948858936, 19.175105923288406, 28.76265888493261, 43.143988327398915, 64.71598249109837,
  97.07397373664756, 145.61096060497135,
];
