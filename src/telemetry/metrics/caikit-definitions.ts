import type { MetricDefinition } from "./definition.js";

/** Caikit's metrics that have a meaning here. Its summaries have a count and a sum, and no quantiles. */
export const caikit = {
  predictions: {
    name: "predict_rpc_count_total",
    type: "counter",
    labels: ["code", "grpc_request", "model_id"],
    help: "Calls of the NLP service by status, request message and model id.",
  },
  predictionDuration: {
    name: "predict_caikit_library_duration_seconds",
    type: "summary",
    quantiles: [],
    labels: ["grpc_request", "model_id"],
    help: "Time of those calls from the first byte of the request to the end of the answer.",
  },
  inProgress: {
    name: "rpc_in_progress_gauge",
    type: "gauge",
    labels: ["rpc_name"],
    help: "Calls that are being answered.",
  },
  started: {
    name: "grpc_server_started_total",
    type: "counter",
    labels: ["grpc_method", "grpc_service", "grpc_type"],
    help: "gRPC calls that came in.",
  },
  received: {
    name: "grpc_server_msg_received_total",
    type: "counter",
    labels: ["grpc_method", "grpc_service", "grpc_type"],
    help: "Messages of those calls' requests.",
  },
  sent: {
    name: "grpc_server_msg_sent_total",
    type: "counter",
    labels: ["grpc_method", "grpc_service", "grpc_type"],
    help: "Messages of their answers.",
  },
  handled: {
    name: "grpc_server_handled_total",
    type: "counter",
    labels: ["grpc_method", "grpc_service", "grpc_type", "grpc_code"],
    help: "gRPC calls that ended, by status.",
  },
  loadDuration: {
    name: "load_model_duration_seconds",
    type: "summary",
    quantiles: [],
    labels: ["model_type"],
    help: "Time to load the model.",
  },
  coreLoadDuration: {
    name: "caikit_core_load_model_duration_seconds",
    type: "summary",
    quantiles: [],
    labels: ["model_type"],
    help: "The same, under the name that dashboards look for.",
  },
  loadedModels: {
    name: "total_loaded_models",
    type: "gauge",
    labels: ["model_id", "model_type"],
    help: "Models that are served: one.",
  },
  loadedSize: {
    name: "total_loaded_models_size",
    type: "gauge",
    labels: ["model_type"],
    help: "Bytes of the model's weights.",
  },
} as const satisfies Record<string, MetricDefinition>;
