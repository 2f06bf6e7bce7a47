import { bytes, integer, oneOf, seconds, text, toggle } from "./kinds.js";
import type { OptionTable, Values } from "./options.js";

export const logLevels = ["debug", "info", "warn", "error", "off"] as const;
export const logFormats = ["auto", "text", "json"] as const;

/** Caikit's (alog) and TGIS's (tracing) words for our levels. */
const foreignLevels = {
  warning: "warn",
  fatal: "error",
  trace: "debug",
  debug1: "debug",
  debug2: "debug",
  debug3: "debug",
  debug4: "debug",
} as const;

/**
 * Every setting once. Flags, environment, file keys, `--help`, docs/settings.md and the printout at start all
 * come from here. The aliases are the names that TGIS and Caikit have for the same thing, so that manifests
 * written for them start unchanged.
 */
export const settings = {
  model: {
    kind: text("PATH"),
    default: "",
    defaultText: "the model that ships with Ortler",
    group: "Model",
    doc: "Folder of the checkpoint to serve, as transformers saved it.",
    aliases: [{ flag: "model-name", env: "MODEL_NAME" }, { env: "RUNTIME_LOCAL_MODELS_DIR" }],
  },
  modelId: {
    kind: text("ID"),
    default: "",
    defaultText: "the folder's name",
    group: "Model",
    doc: "Name of the model in answers, lists and logs. Clients may ask by any name.",
  },
  maxSequenceLength: {
    kind: integer(0, 1_048_576),
    default: 0,
    defaultText: "the model's",
    group: "Model",
    doc: "Most tokens that a prompt and its completion may have together. Lower: more slots fit into the same memory.",
    aliases: [{ env: "MAX_SEQUENCE_LENGTH" }],
  },
  maxNewTokens: {
    kind: integer(1, 1_048_576),
    default: 1024,
    group: "Model",
    doc: "Most completion tokens that a request may ask for.",
    aliases: [{ env: "MAX_NEW_TOKENS" }],
  },
  defaultIncludeStopSequences: {
    kind: toggle(),
    default: true,
    group: "Model",
    doc: "Whether the text ends with the stop sequence that matched, in requests that do not say.",
    aliases: [{ flag: "default-include-stop-seqs", env: "DEFAULT_INCLUDE_STOP_SEQS" }],
  },
  host: {
    kind: text("ADDRESS"),
    default: "0.0.0.0",
    group: "Serving",
    doc: "Address to listen on. `::` for IPv6, `127.0.0.1` for this machine only.",
  },
  grpcPort: {
    kind: integer(0, 65_535),
    default: 8085,
    group: "Serving",
    doc: "Port of the gRPC services, Caikit's own. 0 picks a free one.",
    aliases: [{ env: "RUNTIME_GRPC_PORT" }],
  },
  grpc: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether to serve gRPC on --grpc-port.",
    aliases: [{ env: "RUNTIME_GRPC_ENABLED" }],
  },
  tgisPort: {
    kind: integer(0, 65_535),
    default: 8033,
    group: "Serving",
    doc: "TGIS's port. The same gRPC services answer there. 0 picks a free one.",
    aliases: [{ env: "GRPC_PORT" }],
  },
  tgis: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether to serve gRPC on --tgis-port.",
  },
  httpPort: {
    kind: integer(0, 65_535),
    default: 8080,
    group: "Serving",
    doc: "Port of the HTTP APIs: Caikit REST, OpenAI, TGI, Open Inference. 0 picks a free one.",
    aliases: [{ env: "RUNTIME_HTTP_PORT" }],
  },
  http: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether to serve HTTP on --http-port.",
    aliases: [{ env: "RUNTIME_HTTP_ENABLED" }],
  },
  healthPort: {
    kind: integer(0, 65_535),
    default: 3000,
    group: "Serving",
    doc: "Port of /health and /metrics, as TGIS has them. 0 picks a free one.",
    // TGIS's environment name for it is PORT, which Knative sets in every container to something else.
    aliases: [{ flag: "port" }],
  },
  health: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether to serve health and metrics on --health-port.",
  },
  openaiModelCheck: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether OpenAI requests must name the served model (404 otherwise), or may name any.",
  },
  maxConcurrentRequests: {
    kind: integer(1, 1_048_576),
    default: 512,
    group: "Serving",
    doc: "Requests that may run or wait; the next one is refused at once.",
    aliases: [{ env: "MAX_CONCURRENT_REQUESTS" }],
  },
  requestTimeoutSeconds: {
    kind: seconds(),
    default: 60,
    group: "Serving",
    doc: "Longest that one request may take, waiting included. 0: no limit.",
    aliases: [{ env: "TGIS_REQUEST_TIMEOUT" }],
  },
  shutdownGraceSeconds: {
    kind: seconds(),
    default: 45,
    group: "Serving",
    doc: "How long running requests may go on after SIGTERM. Keep it below the pod's grace period.",
    aliases: [{ env: "RUNTIME_GRPC_SERVER_SHUTDOWN_GRACE_PERIOD_SECONDS" }],
  },
  tlsCert: {
    kind: text("PATH"),
    default: "",
    defaultText: "none: the ports are plain",
    group: "Security",
    doc: "Certificate of the gRPC and HTTP ports, with its chain: a PEM file or the PEM text itself. Needs --tls-key.",
    aliases: [{ flag: "tls-cert-path", env: "TLS_CERT_PATH" }, { env: "RUNTIME_TLS_SERVER_CERT" }],
  },
  tlsKey: {
    kind: text("PATH"),
    default: "",
    defaultText: "none",
    group: "Security",
    doc: "Private key of --tls-cert, not encrypted: a PEM file or the PEM text itself.",
    aliases: [{ flag: "tls-key-path", env: "TLS_KEY_PATH" }, { env: "RUNTIME_TLS_SERVER_KEY" }],
    isSecret: true, // it may be the key itself
  },
  tlsClientCa: {
    kind: text("PATH"),
    default: "",
    defaultText: "none: clients need no certificate",
    group: "Security",
    doc: "Authorities whose certificates clients must show (mutual TLS): a PEM file or the PEM text itself.",
    aliases: [{ flag: "tls-client-ca-cert-path", env: "TLS_CLIENT_CA_CERT_PATH" }, { env: "RUNTIME_TLS_CLIENT_CERT" }],
  },
  apiKeysFile: {
    kind: text("FILE"),
    default: "",
    defaultText: "none: everyone may call",
    group: "Security",
    doc: "Keys of which gRPC and HTTP clients must send one (`authorization: Bearer KEY`), one a line. Health needs none.",
  },
  maxSlots: {
    kind: integer(1, 4096),
    default: 32,
    group: "Engine",
    doc: "Sequences that run at the same time. More: higher throughput, slower streams, more memory.",
    aliases: [{ flag: "max-batch-size", env: "MAX_BATCH_SIZE" }],
  },
  kvMemory: {
    kind: bytes(),
    default: 0,
    defaultText: "what the container's memory allows",
    group: "Engine",
    doc: "Most memory for the key and value cache, e.g. 2Gi. Lowers the number of slots if need be.",
  },
  prefillChunkTokens: {
    kind: integer(1, 65_536),
    default: 256,
    group: "Engine",
    doc: "Prompt tokens prefilled in one step. Smaller: steadier streams. Larger: earlier first token.",
  },
  threads: {
    kind: integer(0, 1024),
    default: 0,
    defaultText: "as many as the container has CPUs",
    group: "Engine",
    doc: "Threads that compute.",
  },
  spin: {
    kind: toggle(),
    default: true,
    group: "Engine",
    doc: "Whether threads wait busily between operations: faster, but takes CPU time from neighbours.",
  },
  ortLibrary: {
    kind: text("PATH"),
    default: "",
    defaultText: "the one in onnxruntime-node",
    group: "Engine",
    doc: "ONNX Runtime library to load instead, e.g. a CUDA build.",
  },
  logLevel: {
    kind: oneOf(logLevels, foreignLevels),
    default: "info",
    group: "Logs",
    doc: "Least level that is logged, to standard error.",
    aliases: [{ env: "LOG_LEVEL" }],
  },
  logFormat: {
    kind: oneOf(logFormats, { pretty: "text" }),
    default: "auto",
    group: "Logs",
    doc: "Lines for people or JSON lines. `auto`: for people on a terminal, else JSON.",
    aliases: [
      { env: "LOG_FORMATTER" },
      { flag: "json-output", env: "JSON_OUTPUT", values: { true: "json", false: "text" }, isSwitch: true },
    ],
  },
  config: {
    kind: text("FILE"),
    default: "",
    defaultText: "none",
    group: "Settings",
    doc: "JSON file with settings under their file keys.",
  },
} as const satisfies OptionTable;

export type Settings = typeof settings;
/** What the server runs with: checked, complete and frozen. */
export type Config = Values<Settings>;
