import { ConfigurationError } from "../errors.js";
import type { ForeignSetting } from "./foreign.js";
import { didYouMean } from "./nearest.js";
import { flagName, type OptionTable } from "./options.js";

/** What one place (flags, environment, file) says of one option. */
export interface Given {
  /** In the order given; at least one. */
  readonly texts: readonly string[];
  /** What the operator wrote it as: `--max-slots`, `MAX_BATCH_SIZE`, `maxSlots in settings.json`. */
  readonly name: string;
  readonly source: "flag" | "environment" | "file";
}

/** A TGIS or Caikit setting that was given and that Ortler does not have. */
export interface ForeignGiven {
  readonly setting: ForeignSetting;
  readonly name: string;
  readonly text: string;
}

export interface CommandLine {
  /** By the option's key. */
  readonly given: ReadonlyMap<string, Given>;
  readonly foreign: readonly ForeignGiven[];
  readonly positionals: readonly string[];
}

/** What a flag stands for: an option (`key`) or a foreign setting. */
interface FlagTarget {
  readonly key?: string;
  readonly foreign?: ForeignSetting;
  readonly isSwitch: boolean;
  readonly values?: Readonly<Record<string, string>>;
}

/**
 * Reads `--flag value`, `--flag=value`, `--switch`, `--switch=false` and `--no-switch`. What is no flag, and
 * everything after `--`, is positional; so is `-`, which stands for standard input.
 *
 * @throws {ConfigurationError} for an unknown flag, and for one without its value.
 */
export function parseCommandLine(
  args: readonly string[],
  table: OptionTable,
  foreignSettings: readonly ForeignSetting[] = [],
): CommandLine {
  const targets = flagTargets(table, foreignSettings);
  const given = new Map<string, Given>();
  const foreign: ForeignGiven[] = [];
  const positionals: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--") {
      positionals.push(...rest.splice(0));
    } else if (!arg.startsWith("-") || arg === "-") {
      positionals.push(arg);
    } else {
      const { name, target, text } = readFlag(arg, rest, targets);
      if (target.foreign !== undefined) foreign.push({ setting: target.foreign, name, text });
      if (target.key === undefined) continue;
      const texts = [...(given.get(target.key)?.texts ?? []), target.values?.[text] ?? text];
      given.set(target.key, { texts, name, source: "flag" });
    }
  }
  return { given, foreign, positionals };
}

function flagTargets(table: OptionTable, foreignSettings: readonly ForeignSetting[]): Map<string, FlagTarget> {
  const targets = new Map<string, FlagTarget>();
  for (const foreign of foreignSettings) {
    if (foreign.flag !== undefined) targets.set(`--${foreign.flag}`, { foreign, isSwitch: foreign.isSwitch === true });
  }
  for (const [key, option] of Object.entries(table)) {
    const isSwitch = option.kind.placeholder === undefined;
    targets.set(`--${flagName(key)}`, { key, isSwitch });
    for (const alias of option.aliases ?? []) {
      if (alias.flag === undefined) continue;
      targets.set(`--${alias.flag}`, {
        key,
        isSwitch: isSwitch || alias.isSwitch === true,
        ...(alias.values && { values: alias.values }),
      });
    }
  }
  return targets;
}

/** Reads one flag, and takes its value off the front of `rest` if it is there. */
function readFlag(
  arg: string,
  rest: string[],
  targets: ReadonlyMap<string, FlagTarget>,
): { readonly name: string; readonly target: FlagTarget; readonly text: string } {
  const equals = arg.indexOf("=");
  const name = equals < 0 ? arg : arg.slice(0, equals);
  const target = targets.get(name);
  if (target === undefined) return readNegation(arg, targets);
  if (equals >= 0) return { name, target, text: arg.slice(equals + 1) };
  const next = rest[0];
  if (target.isSwitch) {
    // TGIS writes `--default-include-stop-seqs true`.
    const isValue = next === "true" || next === "false";
    return { name, target, text: isValue ? (rest.shift() ?? "true") : "true" };
  }
  // `--model --grpc-port 1` has lost a value, which is likelier than a folder named `--grpc-port`.
  if (next === undefined || next.startsWith("--")) throw new ConfigurationError(`${name} needs a value`);
  return { name, target, text: rest.shift() ?? "" };
}

function readNegation(
  arg: string,
  targets: ReadonlyMap<string, FlagTarget>,
): { readonly name: string; readonly target: FlagTarget; readonly text: string } {
  const target = arg.startsWith("--no-") ? targets.get(`--${arg.slice("--no-".length)}`) : undefined;
  if (target?.isSwitch === true) return { name: arg, target, text: "false" };
  const [name = arg] = arg.split("=", 1);
  throw new ConfigurationError(`unknown flag ${name}${didYouMean(name, [...targets.keys(), "--help"])}`);
}
