import { foreignSettings } from "./foreign.js";
import { describeDefault, environmentNames, flagName, type Option } from "./options.js";
import { settings } from "./settings.js";

const head = `# Settings

Made from \`src/config/settings.ts\` by \`npm run settings-page\`; do not edit.

Flags win over the environment, the environment over the file (\`--config FILE\`, a JSON object with the keys below), the
file over the default. A flag given twice counts the last time. An empty variable counts as not set. Unknown flags and
keys, and bad values, stop the start with the name, the value and the rule.
`;

const foreignHead = `## Settings of TGIS and Caikit without a counterpart

They are accepted so that unchanged manifests start: \`ignored\` ones with a warning in the log, \`refused\` ones stop the
start, because what they promise would silently be missing.
`;

/** The text of docs/settings.md: a table of our settings, and one of the foreign settings that are accepted. */
export function renderSettingsPage(): string {
  const rows = Object.entries(settings).map(([key, option]) => settingRow(key, option));
  const foreignRows = foreignSettings.map(({ flag, env, isRefused, reason }) => [
    code([...(flag === undefined ? [] : [`--${flag}`]), ...(env === undefined ? [] : [env])]),
    isRefused === true ? "refused" : "ignored",
    reason,
  ]);
  return [
    head,
    renderTable(["Flag", "File key", "Environment", "Default", "What it does"], rows),
    foreignHead,
    renderTable(["Name", "Effect", "Why"], foreignRows),
  ].join("\n");
}

function settingRow(key: string, option: Option<unknown>): string[] {
  const flags = [flagName(key), ...(option.aliases ?? []).flatMap(({ flag }) => flag ?? [])];
  return [
    code(flags.map((flag) => `--${flag}`)),
    key === "config" ? "" : code([key]),
    code(environmentNames(key, option)),
    option.defaultText ?? code([describeDefault(option)]),
    option.doc,
  ];
}

function code(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(", ");
}

/** A Markdown table with its columns aligned, as the formatter wants it. */
function renderTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = titles.map((title, column) =>
    Math.max(...[titles, ...rows].map((row) => (row[column] ?? title).length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |\n`;
  return [line(titles), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("");
}
