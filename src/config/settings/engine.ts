/** How sequences are batched, cached and computed. */
import { bytes, decimal, integer, text, toggle } from "../kinds.js";
import type { OptionTable } from "../options.js";

export const engineSettings = {
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
    doc: "Most prompt tokens prefilled in one step. Larger: earlier first token.",
  },
  decodeSlowdown: {
    kind: decimal(1.1, 1000),
    default: 2,
    group: "Engine",
    doc: "How many times longer a step may take for a prompt that arrives than without it: prompts are prefilled in chunks that keep to that. Smaller: steadier streams. Larger: earlier first token.",
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
  hugePages: {
    kind: toggle(),
    default: true,
    group: "Engine",
    doc: "Whether the weights are put into huge pages once the server is ready (Linux 6.1 or later): steps read them faster. Takes no more memory.",
  },
  ortLibrary: {
    kind: text("PATH"),
    default: "",
    defaultText: "the one in onnxruntime-node",
    group: "Engine",
    doc: "ONNX Runtime library to load instead, e.g. a CUDA build.",
  },
} as const satisfies OptionTable;
