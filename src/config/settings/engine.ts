/** How sequences are batched, cached and computed. */
import { bytes, decimal, integer, oneOf, text, toggle } from "../kinds.js";
import type { OptionTable } from "../options.js";

/** Of `maxSlots`, which depends on where the model computes: a GPU has room for more, and is idle with fewer. */
export const defaultSlots = { cpu: 32, cuda: 256 } as const;

export const engineSettings = {
  maxSlots: {
    kind: integer(1, 4096),
    default: undefined,
    defaultText: `${defaultSlots.cpu}, on a GPU ${defaultSlots.cuda}`,
    group: "Engine",
    doc: "Sequences that run at the same time. More: higher throughput, slower streams, more memory.",
    aliases: [{ flag: "max-batch-size", env: "MAX_BATCH_SIZE" }],
  },
  kvMemory: {
    kind: bytes(),
    default: 0,
    defaultText: "what the container's memory allows, or the GPU's",
    group: "Engine",
    doc: "Most memory for the key and value cache, e.g. 2Gi. Lowers the number of slots if need be.",
  },
  deviceMemoryShare: {
    kind: decimal(0.05, 1),
    default: 0.9,
    group: "Engine",
    doc: "Share of the GPU's memory that is free at the start which weights, cache and steps may take. Kernels need some of the rest. Lower: room for others on the same GPU.",
    aliases: [{ flag: "gpu-memory-utilization" }],
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
  joinPrompts: {
    kind: toggle(),
    default: true,
    group: "Engine",
    doc: "Whether short prompts that wait together are prefilled in one run.",
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
  selection: {
    kind: oneOf(["graph", "host"]),
    default: "graph",
    group: "Engine",
    doc: "Where the likely tokens are found. `graph`: with the logits, where the model computes. `host`: by a search of all logits in JavaScript, for checks and comparisons; changes no answer. Slower: from a GPU all logits cross the bus, and no decode is captured or run ahead.",
  },
  cudaGraphs: {
    kind: toggle(),
    default: true,
    group: "Engine",
    doc: "Whether decodes are captured as CUDA graphs and replayed: the CPU has less to do in each step. Only on a GPU.",
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
