/** The peers, each at the best settings that are known. */
import type { Contestant, PrecisionClass } from "./contestant.js";
import type { Part, PeerFolder } from "./install.js";
import { modelIn, type Format, type SourceCheckpoint } from "./models.js";
import { PeerProcess } from "./peer-process.js";
import type { LoadQuestion } from "./protocol.js";
import { contextTokens, mostSequences, type PeerScenario } from "./scenario.js";

/** A way to use a peer, as data. */
interface PeerUse {
  readonly peer: string;
  /** For the report. */
  readonly precision: string;
  readonly precisionClass: PrecisionClass;
  readonly settings: string;
  readonly parts: readonly Part[];
  readonly format: Format;
  readonly program: string;
  /** In the peer's words; as in the report where absent. */
  readonly asked?: string;
  readonly flashAttention?: boolean;
}

const pytorch = {
  peer: "PyTorch",
  settings: "transformers' GPT-2 in a loop of our own, SDPA, DynamicCache, inference mode",
  parts: ["pytorch"],
  format: "checkpoint",
  program: "pytorch.py",
} as const;

const llama = {
  peer: "llama.cpp",
  settings:
    "built for this processor, AMX off, through its C interface: one batch of all sequences a step, flash attention",
  parts: ["llama-cpp"],
  program: "llama_cpp_native.py",
  flashAttention: true,
} as const;

const nodeLlama = {
  peer: "node-llama-cpp",
  settings: "prebuilt llama.cpp, all sequences in one context, flash attention",
  parts: ["node"],
  program: "llama-cpp.js",
  flashAttention: true,
} as const;

const ctranslate2 = {
  peer: "CTranslate2",
  settings: "one generate_batch, inter_threads 1, told token by token",
  parts: ["ctranslate2"],
  program: "ctranslate2_peer.py",
} as const;

const genai = {
  peer: "onnxruntime-genai",
  settings: "optimum's export: its model builder has no GPT-2",
  parts: ["onnxruntime-genai", "onnx-export"],
  program: "onnxruntime_genai_peer.py",
} as const;

const transformersJs = {
  peer: "transformers.js",
  settings: "optimum's export, onnxruntime-node",
  parts: ["node", "onnx-export"],
  format: "onnx",
  program: "transformers-js.js",
} as const;

const float32 = { precision: "float32", precisionClass: "float32" } as const;
const reduced = (precision: string) => ({ precision, precisionClass: "reduced" }) as const;

export const peerUses: readonly PeerUse[] = [
  { ...pytorch, ...float32 },
  { ...llama, ...float32, format: "gguf-F32" },
  { ...nodeLlama, ...float32, format: "gguf-F32" },
  { ...ctranslate2, ...float32, format: "ctranslate2-float32" },
  { ...genai, ...float32, format: "genai-float32" },
  { ...transformersJs, ...float32, asked: "fp32" },
  { ...pytorch, ...reduced("bfloat16") },
  { ...llama, ...reduced("q8_0"), format: "gguf-Q8_0" },
  { ...llama, ...reduced("q4_0"), format: "gguf-Q4_0" },
  { ...nodeLlama, ...reduced("q8_0"), format: "gguf-Q8_0" },
  { ...nodeLlama, ...reduced("q4_0"), format: "gguf-Q4_0" },
  { ...ctranslate2, ...reduced("int8"), format: "ctranslate2-int8" },
  { ...genai, ...reduced("int8"), format: "genai-int8" },
  { ...transformersJs, ...reduced("int8"), asked: "q8" },
];

export function toContestant(
  use: PeerUse,
  peers: PeerFolder,
  checkpoint: SourceCheckpoint,
  scenario: PeerScenario,
): Contestant {
  const { peer, precision, precisionClass, settings, program } = use;
  const interpreter = program.endsWith(".py") ? peers.python() : process.execPath;
  const install = async (): Promise<string> => {
    for (const part of use.parts) await peers.require(part);
    return modelIn(use.format, checkpoint, peers);
  };
  const options = {
    precision: use.asked ?? precision,
    threads: scenario.threads,
    sequences: mostSequences(scenario),
    contextTokens: contextTokens(scenario),
    ...(use.flashAttention === undefined ? {} : { flashAttention: use.flashAttention }),
  };
  return {
    ...{ peer, precision, precisionClass, settings },
    prepare: async () => {
      await install();
    },
    start: async () => startPeer([interpreter, peers.program(program)], { ...options, model: await install() }),
  };
}

async function startPeer(command: readonly string[], options: Omit<LoadQuestion, "op">) {
  const { process, version, readyMs } = await PeerProcess.start(command, options);
  return {
    ...{ version, readyMs },
    run: async (prompts: readonly { readonly tokenIds: readonly number[] }[], newTokens: number) =>
      process.run(
        prompts.map(({ tokenIds }) => tokenIds),
        newTokens,
      ),
    residentBytes: () => process.residentBytes(),
    [Symbol.asyncDispose]: async () => process[Symbol.asyncDispose](),
  };
}
