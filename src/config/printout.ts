import type { Loaded } from "./load.js";
import { describeDefault, describeValue, flagName, type OptionTable } from "./options.js";

export interface SettingLine {
  /** As a flag, without the dashes. */
  readonly name: string;
  readonly value: string;
  readonly source: string;
}

/** What a command runs with and where each value came from, in the table's order. Secrets are hidden. */
export function describeSettings<T extends OptionTable>(table: T, loaded: Pick<Loaded<T>, "values" | "sources">) {
  return Object.entries(table).map(([key, option]): SettingLine => {
    const source = loaded.sources[key] ?? "default";
    const value = source === "default" ? describeDefault(option) : describeValue(loaded.values[key]);
    const shown = option.isSecret === true && value !== "" ? "****" : (option.redact?.(value) ?? value);
    return { name: flagName(key), value: shown, source };
  });
}
