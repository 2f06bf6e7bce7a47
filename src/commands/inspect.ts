import { readFile } from "node:fs/promises";
import { text, toggle } from "../config/kinds.js";
import { loadOptions } from "../config/load.js";
import type { OptionTable, Values } from "../config/options.js";
import { ConfigurationError } from "../errors.js";
import { shippedModelFolder } from "../shipped-model.js";
import type { Command } from "./command.js";
import { precisionList, type AskedPrecisions } from "./compare-options.js";
import type { Inspection } from "./inspection.js";

const options = {
  compare: {
    kind: precisionList(),
    default: undefined,
    group: "Comparison",
    doc:
      "Print what precisions cost instead, e.g. float32,int8,int4: perplexity on a text, and the logits' distance from " +
      "the first one's. With float32:int8 the weights are float32 and the KV cache is int8.",
    isFlagOnly: true,
  },
  text: {
    kind: text("FILE"),
    default: undefined,
    defaultText: "a text that comes with the program",
    group: "Comparison",
    doc: "The text to compare on, in UTF-8: take one of the kind that the model is for.",
    isFlagOnly: true,
  },
  json: {
    kind: toggle(),
    default: false,
    group: "Output",
    doc: "Print one JSON object instead of lines for people.",
    isFlagOnly: true,
  },
} as const satisfies OptionTable;

export const command: Command = {
  usage: "inspect [options] [PATH]",
  description: `Says what is in a model folder, or in the model that ships with Ortler: architecture, sizes, precision, tokenizer,
and the memory that one slot (one running sequence) takes. The exit code is 1 if the model would not load; then it says
why. With --compare it says what int8 and int4 cost.`,
  table: options,

  async run(args) {
    const { values, positionals } = loadOptions({ table: options, args });
    const [folder = shippedModelFolder, unexpected] = positionals;
    if (unexpected !== undefined) throw new ConfigurationError(`unexpected argument ${JSON.stringify(unexpected)}`);
    const { compare } = values;
    if (compare !== undefined) return printComparison(folder, compare, values);
    if (values.text !== undefined) throw new ConfigurationError("--text is for --compare: name the precisions");
    return printInspection(folder, values);
  },
};

type InspectValues = Values<typeof options>;

async function printInspection(folder: string, { json }: InspectValues): Promise<number> {
  const { inspectFolder } = await import("./inspection.js");
  const inspection = await inspectFolder(folder);
  process.stdout.write(`${json ? JSON.stringify(inspection) : renderInspection(inspection)}\n`);
  return inspection.problems.length === 0 ? 0 : 1;
}

async function printComparison(folder: string, precisions: AskedPrecisions, values: InspectValues): Promise<number> {
  const content = await readText(values.text);
  const { comparePrecisions } = await import("./compare.js");
  const { renderComparison } = await import("./compare-table.js");
  const comparison = await comparePrecisions(folder, precisions, content);
  const textName = values.text ?? "the text that comes with the program";
  process.stdout.write(`${values.json ? JSON.stringify(comparison) : renderComparison(comparison, textName)}\n`);
  return 0;
}

/** Bytes that are no UTF-8 would be scored as characters that the text does not have: they are refused. */
async function readText(file: string | undefined): Promise<string> {
  if (file === undefined) return (await import("../model/evaluation/evaluation-text.js")).evaluationText;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`--text must name a file of UTF-8 text: ${file}: ${why}`, { cause });
  }
}

/** One fact a line; what could not be read has no line. */
function renderInspection(inspection: Inspection): string {
  const { hyperparameters = {}, problems } = inspection;
  const lines = [
    ["folder", inspection.folder],
    ["digest", inspection.digest],
    ["architecture", inspection.architecture],
    ...Object.entries(hyperparameters).map(([name, value]) => [`  ${name}`, String(value)]),
    ["parameters", inspection.parameters?.toLocaleString("en")],
    ["precision", inspection.elementTypes?.join(", ")],
    ["weights", renderWeights(inspection)],
    ["tokenizer", renderTokenizer(inspection)],
    ["memory of a slot", renderSlot(inspection)],
    ...problems.map((problem) => ["would not load", problem]),
    ["loads", problems.length === 0 ? "yes" : undefined],
  ];
  return lines
    .flatMap(([name = "", text]) => (text === undefined ? [] : [`${name.padEnd(nameWidth)}${text}`]))
    .join("\n");
}

const nameWidth = 28;

function renderWeights({ weightBytes, weightFiles }: Inspection): string | undefined {
  if (weightBytes === undefined || weightFiles === undefined) return undefined;
  return `${renderBytes(weightBytes)} in ${weightFiles.join(", ")}`;
}

function renderTokenizer({ tokenizer }: Inspection): string | undefined {
  if (tokenizer === undefined) return undefined;
  return `byte-level BPE, ${tokenizer.vocabularySize} entries, ${tokenizer.specialTokens} of them special`;
}

function renderSlot({ kvBytesPerSlot, kvBytesPerToken, positions }: Inspection): string | undefined {
  if (kvBytesPerSlot === undefined || kvBytesPerToken === undefined || positions === undefined) return undefined;
  return `${renderBytes(kvBytesPerSlot)} (${kvBytesPerToken} bytes a token, ${positions} tokens)`;
}

function renderBytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
