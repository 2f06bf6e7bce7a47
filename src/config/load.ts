import { readFileSync } from "node:fs";
import { ConfigurationError } from "../errors.js";
import { parseCommandLine, type ForeignGiven, type Given } from "./command-line.js";
import {
  foreignInEnvironment,
  readEnvironment,
  unknownEnvironmentNames,
  type Environment,
  processEnvironment,
} from "./environment.js";
import { readSettingsFile } from "./file.js";
import type { ForeignSetting } from "./foreign.js";
import type { OptionTable, Values } from "./options.js";
import { settings } from "./settings.js";

export interface LoadInput<T extends OptionTable> {
  readonly table: T;
  /** What follows the command's name. */
  readonly args: readonly string[];
  readonly environment?: Environment;
  /** Settings of other products to accept: see `foreign.ts`. */
  readonly foreignSettings?: readonly ForeignSetting[];
}

export interface Loaded<T extends OptionTable> {
  readonly values: Values<T>;
  /** Where each value came from: `default`, or what the operator wrote it as, e.g. `MAX_BATCH_SIZE`. */
  readonly sources: { readonly [K in keyof T]: string };
  readonly positionals: readonly string[];
  /** One sentence each, for the log. */
  readonly warnings: readonly string[];
}

/**
 * Settles the value of every option: flags before environment before file before default.
 *
 * @throws {ConfigurationError} naming the flag, variable or key, the value and the rule that it breaks.
 */
export function loadOptions<T extends OptionTable>(input: LoadInput<T>): Loaded<T> {
  const { table, environment = processEnvironment(), foreignSettings = [] } = input;
  const commandLine = parseCommandLine(input.args, table, foreignSettings);
  const fromEnvironment = readEnvironment(environment, table);
  const file = commandLine.given.get("config") ?? fromEnvironment.get("config");
  const fromFile = file === undefined ? new Map<string, Given>() : openSettingsFile(file);

  const values: Record<string, unknown> = {};
  const sources: Record<string, string> = {};
  for (const [key, option] of Object.entries(table)) {
    const given = commandLine.given.get(key) ?? fromEnvironment.get(key) ?? fromFile.get(key);
    values[key] = given === undefined ? option.default : readValue(given, option.kind);
    sources[key] = given?.name ?? "default";
  }
  return {
    values: Object.freeze(values) as Values<T>, // one value for each key of the table, read by that key's kind
    sources: sources as Loaded<T>["sources"],
    positionals: commandLine.positionals,
    warnings: [
      ...foreignWarnings([...commandLine.foreign, ...foreignInEnvironment(environment, foreignSettings)]),
      ...unknownEnvironmentNames(environment, settings),
    ],
  };
}

function openSettingsFile({ texts, name }: Given): Map<string, Given> {
  const path = texts.at(-1) ?? "";
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`${name} must name a file that can be read: ${why}`, { cause });
  }
  // One file serves all commands, so its keys are those of all settings and not those of one command.
  return readSettingsFile(path, content, settings);
}

function readValue(given: Given, kind: OptionTable[string]["kind"]): unknown {
  const value = kind.read(given.texts);
  if (value !== undefined) return value;
  const where = given.source === "environment" ? `${given.name} in the environment` : given.name;
  throw new ConfigurationError(`${where} must be ${kind.rule}, got ${JSON.stringify(given.texts.at(-1))}`);
}

/** @throws {ConfigurationError} for a setting that promises what Ortler cannot keep. */
function foreignWarnings(given: readonly ForeignGiven[]): string[] {
  return given
    .filter(({ setting, text }) => text.trim().toLowerCase() !== setting.neutral)
    .map(({ setting, name, text }) => {
      if (setting.isRefused === true)
        throw new ConfigurationError(`${name}=${text} cannot be honoured: ${setting.reason}`);
      return `${name}=${text} is ignored: ${setting.reason}`;
    });
}
