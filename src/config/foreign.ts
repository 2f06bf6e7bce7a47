/**
 * Settings of TGIS and Caikit that Ortler does not have. Those without a meaning here are ignored with a warning,
 * so that manifests written for them still start. Those that make a promise which would silently be broken stop the
 * start instead.
 */
export interface ForeignSetting {
  /** Without the dashes. */
  readonly flag?: string;
  readonly env?: string;
  /** The flag takes no value: alone it means `true`. */
  readonly isSwitch?: true;
  /** The value asks for what Ortler does anyway, and is passed over in silence. */
  readonly neutral?: string;
  /** Undefined: ignored with a warning. */
  readonly isRefused?: true;
  /** Completes the sentence "... is ignored: " or "... cannot be honoured: ". */
  readonly reason: string;
}

const noSharding = "one process computes on all threads";
const ownScheduler = "batches follow from --max-slots and --prefill-chunk-tokens";

/** TGIS names a flag and its environment variable alike. */
function tgis(flag: string, reason: string, rest: Partial<ForeignSetting> = {}): ForeignSetting {
  return { flag, env: flag.replaceAll("-", "_").toUpperCase(), reason, ...rest };
}

export const foreignSettings: readonly ForeignSetting[] = [
  tgis("output-special-tokens", "special tokens produce no text", {
    isRefused: true,
    isSwitch: true,
    neutral: "false",
  }),

  tgis("revision", "--model names a folder, which has one revision"),
  tgis("tokenizer-path", "the tokenizer is the checkpoint's"),
  tgis("deployment-framework", "models always run on ONNX Runtime"),
  tgis("num-shard", noSharding, { neutral: "1" }),
  tgis("num-gpus", noSharding),
  tgis("shard-uds-path", noSharding),
  tgis("master-shard-uds-path", noSharding),
  tgis("master-addr", noSharding),
  tgis("master-port", noSharding),
  tgis("max-prefill-padding", ownScheduler),
  tgis("max-waiting-tokens", ownScheduler),
  tgis("batch-safety-margin", "memory is reserved at start, by --kv-memory"),
  tgis("cuda-process-memory-fraction", "on a GPU, --device-memory-share says how much memory to take"),
  tgis("tokenization-workers", "prompts are tokenized in the server's own thread"),
  tgis("prefix-store-path", "tuned prompts are not supported"),
  tgis("adapter-cache", "adapters are not supported"),
  tgis("speculator-name", "speculative decoding is not supported"),

  { env: "RUNTIME_METRICS_ENABLED", neutral: "true", reason: "metrics are on --health-port" },
  { env: "RUNTIME_METRICS_PORT", reason: "metrics are on --health-port" },
  { env: "RUNTIME_SERVER_THREAD_POOL_SIZE", reason: "calls hold no thread; --max-concurrent-requests bounds them" },
  {
    env: "RUNTIME_GRPC_SERVER_THREAD_POOL_SIZE",
    reason: "calls hold no thread; --max-concurrent-requests bounds them",
  },
  { env: "RUNTIME_LAZY_LOAD_LOCAL_MODELS", neutral: "false", reason: "one model is served, loaded at start" },
  { env: "CONFIG_FILES", reason: "Caikit's files have other keys; give settings by flag, environment or --config" },
];
