import { oneOf, toggle } from "../config/kinds.js";
import type { OptionTable, Values } from "../config/options.js";
import { settings } from "../config/settings.js";
import { exportDtypes, exportFormats } from "../model/export/formats.js"; // by itself: it loads no native code

const group = "Conversion";

/** What to make of a model. The settings of `serve` that matter to a model that is elsewhere follow. */
export const convertOptions = {
  format: {
    kind: oneOf(exportFormats),
    default: "safetensors",
    group,
    doc:
      "safetensors: what transformers and Ortler load. onnx: what any ONNX Runtime runs, with optimum's inputs and " +
      "outputs, the weights in a file of their own.",
    isFlagOnly: true,
  },
  dtype: {
    kind: oneOf(exportDtypes),
    default: undefined,
    defaultText: "the weights' own; float32 where they are mixed or in blocks",
    group,
    doc: "How weights are stored, rounded to the nearest. An ONNX model computes in float32 with all of them.",
    isFlagOnly: true,
  },
  overwrite: {
    kind: toggle(),
    default: false,
    group,
    doc: "Replace the model in DST. It stays until the new one is written.",
    isFlagOnly: true,
  },
  modelCache: settings.modelCache,
  modelCacheSize: settings.modelCacheSize,
  modelCacheVerify: settings.modelCacheVerify,
  downloadPartSize: settings.downloadPartSize,
  downloadConcurrency: settings.downloadConcurrency,
  modelToken: settings.modelToken,
  logLevel: { ...settings.logLevel, default: "warn" },
  logFormat: settings.logFormat,
} as const satisfies OptionTable;

export type ConvertValues = Values<typeof convertOptions>;
