/**
 * Reads `config.yml` of a Caikit model, as far as finding a model needs it.
 *
 * This is no YAML parser. Caikit writes the file as one mapping, and of that this reads lines `key: value` whose value
 * is one plain, 'single' or "double" quoted text on the same line. Lines that are indented or begin with `-` belong
 * to the key above them: they are skipped below keys that nobody asks for. Whatever else YAML knows (anchors, tags,
 * collections, block texts, several documents, ...) is an error where it would decide a value that is asked for.
 */
import { CheckpointError } from "../../errors.js";

const keys = ["artifact_path", "module_id", "block_id", "name", "model_name"] as const;
type Key = (typeof keys)[number];

/** The values as texts; a key that is absent, empty or null is not there. */
export type CaikitConfig = Readonly<Partial<Record<Key, string>>>;

/** A `key: value` at the left margin. */
interface Pair {
  readonly key: string;
  readonly value: string;
  /** Lines that belong to the value follow. */
  isContinued: boolean;
  /** Counted from 1. */
  readonly line: number;
}

/** @throws {CheckpointError} naming `file`, line and key, for what cannot be read with certainty. */
export function parseCaikitConfig(text: string, file: string): CaikitConfig {
  const config: Partial<Record<Key, string>> = {};
  const seen = new Set<string>();
  for (const { key, value, isContinued, line } of readPairs(text, file)) {
    if (seen.has(key)) throw new CheckpointError(`${file}: line ${line}: ${key} is set a second time`);
    seen.add(key);
    if (!isKey(key)) continue;
    const scalar = isContinued ? undefined : parseScalar(value);
    if (scalar === undefined) throw new CheckpointError(`${file}: line ${line}: ${key} must be a text on one line`);
    if (scalar !== null) config[key] = scalar;
  }
  return config;
}

function readPairs(text: string, file: string): Pair[] {
  const pairs: Pair[] = [];
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const last = pairs.at(-1);
    const [, key, value = ""] = /^([A-Za-z_][\w.-]*):(?: +(.*))?$/.exec(content) ?? [];
    if (key !== undefined) pairs.push({ key, value, isContinued: false, line: index + 1 });
    else if (/^ *(#.*)?$/.test(content) || (content === "---" && last === undefined)) continue;
    else if (/^( |-( |$))/.test(content) && last !== undefined) last.isContinued = true;
    else throw new CheckpointError(`${file}: line ${index + 1}: is not \`key: value\``);
  }
  return pairs;
}

function isKey(name: string): name is Key {
  return keys.some((key) => key === name);
}

/** The text that one line's value stands for; null for YAML's null, undefined for what is not read. */
function parseScalar(value: string): string | null | undefined {
  const [, quoted] = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*') *(?: #.*)?$/.exec(value) ?? [];
  if (quoted?.startsWith("'")) return quoted.slice(1, -1).replaceAll("''", "'");
  if (quoted !== undefined) return parseDoubleQuoted(quoted);
  const plain = value.replace(/(^| +)#.*$/, "").trimEnd();
  if (plain === "" || /^(~|null|Null|NULL)$/.test(plain)) return null;
  const isMoreThanText = /^[-?:]( |$)|^[,[\]{}#&*!|>'"%@`]|: |:$|\t/.test(plain);
  return isMoreThanText ? undefined : plain;
}

/** YAML's escapes are those of JSON and some more, which are not read. */
function parseDoubleQuoted(quoted: string): string | undefined {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return undefined;
  }
}

/** Of caikit_nlp's modules: https://github.com/caikit/caikit-nlp/tree/main/caikit_nlp/modules/text_generation */
const textGenerationId = "f9181353-4ccf-4572-bd1e-f12bcda26792";
const promptTunedId = "6655831b-960a-4dc5-8df4-867026e2cd41";

/** @throws {CheckpointError} naming `file`, when the model is of a module that is not for text generation. */
export function refuseOtherModules({ module_id, block_id, name = "unnamed" }: CaikitConfig, file: string): void {
  const id = module_id ?? block_id; // older Caikit versions wrote block_id
  if (id === textGenerationId) return;
  if (id === undefined) throw new CheckpointError(`${file} has no module_id`);
  if (id === promptTunedId) {
    throw new CheckpointError(
      `${file} is of a prompt-tuned model (${name}), which cannot be served; serve its base model`,
    );
  }
  throw new CheckpointError(`${file} is of the Caikit module ${name} (${id}); only text generation can be served`);
}
