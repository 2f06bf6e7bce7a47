/** Checkpoints turned into sessions that are ready to run. */
export { architectureOf, type Architecture, type Blueprint } from "./architectures/index.js";
export type { ChatTemplate } from "./checkpoint/chat-template.js";
export { openCheckpoint, type Checkpoint } from "./checkpoint/checkpoint.js";
export { digestLocalModel } from "./digest/model-digest.js";
export {
  candidateCount,
  io,
  kvBytesPerToken,
  logitBlockLength,
  logitBlocks,
  topCandidates,
  type DecoderShape,
  type KvDtype,
  type Selection,
} from "./graph/decoder-io.js";
export { loadModel, loadTokenizerEarly, type LoadOptions, type Model } from "./model.js";
export { loadTokenizer } from "./huggingface-tokenizer.js";
export { kvShare, workingBytes } from "./precision/choose.js";
export { kvDtypes, weightDtypes, type WeightDtype } from "./precision/dtypes.js";
export { resolveLocalModel, type LocalModel } from "./source/local.js";
export type { Tokenizer } from "./tokenizer.js";
