import { toggle } from "../config/kinds.js";
import { loadOptions } from "../config/load.js";
import type { OptionTable } from "../config/options.js";
import { ConfigurationError } from "../errors.js";
import type { Command } from "./command.js";
import type { Inspection } from "./inspection.js";

const options = {
  json: {
    kind: toggle(),
    default: false,
    group: "Output",
    doc: "Print one JSON object instead of lines for people.",
    isFlagOnly: true,
  },
} as const satisfies OptionTable;

export const command: Command = {
  usage: "inspect [options] PATH",
  description: `Says what is in a model folder: architecture, sizes, precision, tokenizer, and the memory that one slot (one
running sequence) takes. The exit code is 1 if the model would not load; then it says why.`,
  table: options,

  async run(args) {
    const { values, positionals } = loadOptions({ table: options, args });
    const [folder, unexpected] = positionals;
    if (folder === undefined) throw new ConfigurationError("no PATH: name the model folder to inspect");
    if (unexpected !== undefined) throw new ConfigurationError(`unexpected argument ${JSON.stringify(unexpected)}`);
    const { inspectFolder } = await import("./inspection.js");
    const inspection = await inspectFolder(folder);
    process.stdout.write(`${values.json ? JSON.stringify(inspection) : renderInspection(inspection)}\n`);
    return inspection.problems.length === 0 ? 0 : 1;
  },
};

/** One fact a line; what could not be read has no line. */
function renderInspection(inspection: Inspection): string {
  const { hyperparameters = {}, problems } = inspection;
  const lines = [
    ["folder", inspection.folder],
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
