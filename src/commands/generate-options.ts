import { decimal, integer, listOf, text, toggle, unsigned64 } from "../config/kinds.js";
import type { OptionTable, Values } from "../config/options.js";
import { settings } from "../config/settings.js";
import type { UncheckedRequest } from "../engine/request.js";

const group = "Request";
const sampling = "Sampling (any of these makes it sample; without them it takes the likeliest token)";

/** Values that the engine refuses, it refuses in its own words; here only what is no number at all is refused. */
const anyNumber = decimal(-Infinity, Infinity);
const anyInteger = integer(-2_147_483_648, 2_147_483_647);

/** What one request may ask for. The settings that a single generation has a use for follow. */
export const generateOptions = {
  maxNewTokens: {
    kind: anyInteger,
    default: 40,
    group,
    doc: "Most tokens to generate.",
    isFlagOnly: true,
  },
  minNewTokens: {
    kind: anyInteger,
    default: undefined,
    group,
    doc: "Fewest tokens to generate: until then, neither end of text nor a stop sequence ends it.",
    isFlagOnly: true,
  },
  stop: {
    kind: listOf(text("SEQ")),
    default: undefined,
    group,
    doc: "Text at which to stop. May be repeated.",
    isFlagOnly: true,
  },
  includeStopSequence: {
    kind: toggle(),
    default: true,
    group,
    doc: "Whether the text ends with the stop sequence that matched.",
    isFlagOnly: true,
  },
  repetitionPenalty: {
    kind: anyNumber,
    default: undefined,
    group,
    doc: "Above 1: tokens that occurred already become less likely.",
    isFlagOnly: true,
  },
  json: {
    kind: toggle(),
    default: false,
    group,
    doc: "Print one JSON object at the end instead of the text as it comes.",
    isFlagOnly: true,
  },
  temperature: {
    kind: anyNumber,
    default: undefined,
    group: sampling,
    doc: "Below 1: more predictable. Above 1: more varied.",
    isFlagOnly: true,
  },
  topK: {
    kind: anyInteger,
    default: undefined,
    group: sampling,
    doc: "Only the K likeliest tokens.",
    isFlagOnly: true,
  },
  topP: {
    kind: anyNumber,
    default: undefined,
    group: sampling,
    doc: "Only the likeliest tokens that together have this probability.",
    isFlagOnly: true,
  },
  typicalP: {
    kind: anyNumber,
    default: undefined,
    group: sampling,
    doc: "Only the most typical tokens that together have this probability.",
    isFlagOnly: true,
  },
  seed: {
    kind: unsigned64(),
    default: undefined,
    group: sampling,
    doc: "The same seed gives the same text. Drawn when not given.",
    isFlagOnly: true,
  },
  model: settings.model,
  modelDigest: settings.modelDigest,
  modelWaitSeconds: settings.modelWaitSeconds,
  modelCache: settings.modelCache,
  modelCacheSize: settings.modelCacheSize,
  modelCacheVerify: settings.modelCacheVerify,
  downloadPartSize: settings.downloadPartSize,
  downloadConcurrency: settings.downloadConcurrency,
  modelToken: settings.modelToken,
  device: settings.device,
  deviceMemoryShare: settings.deviceMemoryShare,
  dtype: settings.dtype,
  kvDtype: settings.kvDtype,
  weightsCache: settings.weightsCache,
  promptLookup: settings.promptLookup,
  joinPrompts: settings.joinPrompts,
  selection: settings.selection,
  cudaGraphs: settings.cudaGraphs,
  maxSequenceLength: settings.maxSequenceLength,
  threads: settings.threads,
  spin: settings.spin,
  ortLibrary: settings.ortLibrary,
  prefillChunkTokens: settings.prefillChunkTokens,
  decodeSlowdown: settings.decodeSlowdown,
  logLevel: { ...settings.logLevel, default: "warn" },
  logFormat: settings.logFormat,
  config: settings.config,
} as const satisfies OptionTable;

export type GenerateValues = Values<typeof generateOptions>;

export function requestOf(prompt: string, values: GenerateValues): UncheckedRequest {
  const { maxNewTokens, minNewTokens, stop, includeStopSequence, repetitionPenalty } = values;
  const { temperature, topK, topP, typicalP, seed } = values;
  const samples = [temperature, topK, topP, typicalP, seed].some((value) => value !== undefined);
  return {
    prompt,
    method: samples ? "sample" : "greedy",
    ...{ maxNewTokens, minNewTokens, stopSequences: stop, includeStopSequence, repetitionPenalty },
    ...{ temperature, topK, topP, typicalP, seed },
  };
}
