import { bytes, decimal, integer, oneOf, positiveSeconds, seconds, text, toggle } from "./kinds.js";
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
  port: {
    kind: integer(0, 65_535),
    default: undefined,
    defaultText: "none: ports of their own for gRPC, HTTP and health",
    group: "Serving",
    doc: "One port for everything: gRPC, HTTP, health and metrics. The ports below are opened beside it only where they are given. 0 picks a free one.",
    // TGIS's environment name for it is PORT, which Knative sets in every container to something else.
  },
  grpcPort: {
    kind: integer(0, 65_535),
    default: undefined,
    defaultText: "8085, unless --port is given",
    group: "Serving",
    doc: "Port of the gRPC services, Caikit's own. 0 picks a free one.",
    aliases: [{ env: "RUNTIME_GRPC_PORT" }],
  },
  grpc: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether to serve gRPC on --grpc-port, or on --port.",
    aliases: [{ env: "RUNTIME_GRPC_ENABLED" }],
  },
  tgisPort: {
    kind: integer(0, 65_535),
    default: undefined,
    defaultText: "8033, unless --port is given",
    group: "Serving",
    doc: "TGIS's port. The same gRPC services answer there. 0 picks a free one.",
    aliases: [{ env: "GRPC_PORT" }],
  },
  tgis: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether to serve gRPC on --tgis-port, or on --port.",
  },
  httpPort: {
    kind: integer(0, 65_535),
    default: undefined,
    defaultText: "8080, unless --port is given",
    group: "Serving",
    doc: "Port of the HTTP APIs: Caikit REST, OpenAI, TGI, Open Inference. 0 picks a free one.",
    aliases: [{ env: "RUNTIME_HTTP_PORT" }],
  },
  http: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether to serve HTTP on --http-port, or on --port.",
    aliases: [{ env: "RUNTIME_HTTP_ENABLED" }],
  },
  healthPort: {
    kind: integer(0, 65_535),
    default: undefined,
    defaultText: "3000, unless --port is given",
    group: "Serving",
    doc: "Port of /health and /metrics, as TGIS has them; always plain HTTP. 0 picks a free one.",
  },
  health: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether to serve health and metrics on --health-port, or on --port.",
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
  maxConnections: {
    kind: integer(1, 1_048_576),
    default: 16_384,
    group: "Limits",
    doc: "Connections that may be open, over all ports; the next one is dropped. Each may cost tens of KB.",
  },
  maxStreamsPerConnection: {
    kind: integer(1, 2_147_483_647),
    default: 4096,
    group: "Limits",
    doc: "Calls that one HTTP/2 connection may have open; clients wait with the next. Above --max-concurrent-requests, a proxy that uses one connection is told of the load instead.",
  },
  maxHeaderBytes: {
    kind: integer(1024, 16_777_215),
    default: 65_535,
    group: "Limits",
    doc: "Largest headers or metadata of one request. Larger: 431 over HTTP/1.1, a reset stream over HTTP/2.",
  },
  maxBodyBytes: {
    kind: bytes(),
    default: 4_194_304,
    group: "Limits",
    doc: "Largest body of an HTTP request, e.g. 4Mi. Larger: 413.",
  },
  maxGrpcMessageBytes: {
    kind: bytes(),
    default: 4_194_304,
    group: "Limits",
    doc: "Largest gRPC message that is received, e.g. 4Mi. Larger: RESOURCE_EXHAUSTED. Clients have a limit of their own for answers.",
  },
  maxPromptCharacters: {
    kind: integer(1, 1_073_741_824),
    default: 1_000_000,
    group: "Limits",
    doc: "Longest prompt that is tokenized, in UTF-16 code units. Tokenizing 1,000 takes about 1 ms, during which nobody else is served: lower it where clients are not trusted.",
  },
  receiveTimeoutSeconds: {
    kind: positiveSeconds(),
    default: 60,
    group: "Limits",
    doc: "Longest that a client may take for the TLS handshake, for the headers and for the whole of its request. Slower ones are dropped.",
  },
  sendTimeoutSeconds: {
    kind: positiveSeconds(),
    default: 300,
    group: "Limits",
    doc: "Longest that a client may read nothing while an answer waits for it. Slower ones are dropped.",
  },
  httpKeepaliveSeconds: {
    kind: positiveSeconds(),
    default: 72,
    group: "Limits",
    doc: "Longest that an HTTP/1.1 connection may be idle. Keep it above that of the balancer in front.",
  },
  grpcKeepaliveSeconds: {
    kind: positiveSeconds(),
    default: 60,
    group: "Limits",
    doc: "How often a ping asks an HTTP/2 client whether it is still there.",
  },
  grpcKeepaliveTimeoutSeconds: {
    kind: positiveSeconds(),
    default: 20,
    group: "Limits",
    doc: "Longest that the answer to that ping may take; the connection is dropped then, and its slots are free.",
  },
  maxConnectionAgeSeconds: {
    kind: decimal(0, 1_000_000, "SECONDS"),
    default: 0,
    group: "Limits",
    doc: "Age at which an HTTP/2 connection takes no more calls, give or take 10%, so that clients spread over new pods. 0: no limit.",
  },
  maxConnectionAgeGraceSeconds: {
    kind: seconds(),
    default: 0,
    group: "Limits",
    doc: "How long calls of a connection that is too old may go on. 0: until they end.",
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
  prefixCacheTokens: {
    kind: integer(0, 16_777_216),
    default: 4096,
    group: "Engine",
    doc: "Tokens that finished sequences may leave in the KV cache, for prompts that begin alike. 0: none.",
  },
  promptLookup: {
    kind: toggle(),
    default: true,
    group: "Engine",
    doc: "Whether to guess the next tokens from what the text said before, while one or two sequences run. Changes no answer; only over an int8 KV cache.",
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
  otlpEndpoint: {
    kind: text("URL"),
    default: "",
    defaultText: "none: no traces, unless OpenTelemetry's own variables ask for them",
    group: "Traces",
    doc: "OpenTelemetry collector to export traces to, over gRPC unless OTEL_EXPORTER_OTLP_PROTOCOL says otherwise.",
    aliases: [{ env: "OTLP_ENDPOINT" }],
  },
  otlpServiceName: {
    kind: text("NAME"),
    default: "",
    defaultText: "ortler",
    group: "Traces",
    doc: "Name of this service in traces.",
    aliases: [{ env: "OTLP_SERVICE_NAME" }, { env: "OTEL_SERVICE_NAME" }],
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
