/** Which model, in which precision, and how it gets here. */
import { bytes, device, integer, oneOf, positiveSeconds, seconds, sha256, text, toggle } from "../kinds.js";
import type { OptionTable } from "../options.js";
import { redactUri } from "../redact.js";

/** TGIS's half precisions mean the checkpoint's own numbers, which a CPU computes with in float32. */
const tgisDtypes = { float16: "default", bfloat16: "default" };

export const modelSettings = {
  model: {
    kind: text("PATH|URI"),
    default: "",
    defaultText: "what the environment of KServe, TGIS or Caikit names, or the model that ships with Ortler",
    group: "Model",
    doc: "Model to serve: a folder, a GGUF file, s3://, hf://, https:// or pvc:// (docs/model-sources.md).",
    aliases: [{ flag: "model-name" }],
    redact: redactUri,
  },
  modelId: {
    kind: text("ID"),
    default: "",
    defaultText: "the folder's name",
    group: "Model",
    doc: "Name of the model in answers, lists and logs. Clients may ask by any name.",
  },
  modelDigest: {
    kind: sha256(),
    default: "",
    defaultText: "any",
    group: "Model",
    doc: "Refuses to start with any model but the one that has this digest (docs/model-sources.md).",
  },
  modelWaitSeconds: {
    kind: seconds(),
    default: 600,
    group: "Model",
    doc: "How long to wait for a model that another container of the pod brings, as with KServe's OCI images.",
  },
  watch: {
    kind: toggle(),
    default: false,
    group: "Model",
    doc: "Whether to swap the model, without a pause, for a new one in the place that it came from (docs/model-sources.md). Needs memory for two.",
  },
  watchIntervalSeconds: {
    kind: positiveSeconds(),
    default: 10,
    group: "Model",
    doc: "How often --watch looks.",
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
  device: {
    kind: device(),
    default: "cpu",
    group: "Precision",
    doc: "Where the model computes. `cuda` is the first NVIDIA GPU; `auto` takes it if it can be used, and the CPU otherwise. Needs a CUDA build of ONNX Runtime (--ort-library).",
  },
  dtype: {
    kind: oneOf(["default", "float32", "float16", "int8", "int8-block", "int4", "auto"], { bfloat16: "default" }),
    default: "default",
    group: "Precision",
    doc: "Precision of the weights. `default`: float32 on a CPU, float16 on a GPU, which has no other. On a CPU int8 is the fastest, and `auto` is float32 unless the memory is too small for it.",
    aliases: [
      { env: "DTYPE", values: tgisDtypes },
      { flag: "dtype-str", env: "DTYPE_STR", values: tgisDtypes },
      { flag: "quantize", env: "QUANTIZE", values: { bitsandbytes: "int8" } },
    ],
  },
  kvDtype: {
    kind: oneOf(["auto", "float32", "float16", "int8"]),
    default: "auto",
    group: "Precision",
    doc: "Precision of the key and value cache. `auto`: int8 with int8 and int4 weights, float16 on a GPU, float32 otherwise.",
  },
  weightsCache: {
    kind: text("FOLDER"),
    default: "",
    defaultText: "none: they are made at every start",
    group: "Precision",
    doc: "Folder that keeps weights that were quantised, or rounded to float16, for later starts.",
  },
  modelCache: {
    kind: text("FOLDER"),
    default: "",
    defaultText: "~/.cache/ortler/models",
    group: "Download",
    doc: "Folder in which models from S3, HTTP and Hugging Face are kept.",
  },
  modelCacheSize: {
    kind: bytes(),
    default: 0,
    defaultText: "what the disk has",
    group: "Download",
    doc: "What the cache may take, e.g. 20Gi; what was not used for the longest time goes first.",
  },
  modelCacheVerify: {
    kind: toggle(),
    default: false,
    group: "Download",
    doc: "Whether to read all files of a cached model at start, instead of looking at their length and time.",
  },
  downloadPartSize: {
    kind: bytes(),
    default: 16 * 2 ** 20,
    defaultText: "16Mi",
    group: "Download",
    doc: "What one request asks for. Larger: fewer requests. Smaller: less is lost when one breaks.",
  },
  downloadConcurrency: {
    kind: integer(1, 256),
    default: 8,
    group: "Download",
    doc: "Requests at once. More: faster where the way to the store is long.",
  },
  modelToken: {
    kind: text("TOKEN"),
    default: "",
    defaultText: "none",
    group: "Download",
    doc: "Bearer token for a model behind https://. S3 and Hugging Face have variables of their own.",
    isSecret: true,
  },
} as const satisfies OptionTable;
