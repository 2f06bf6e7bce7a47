import { describeDefault, environmentNames, flagName, type Option, type OptionTable } from "./options.js";

/** Lines of the help on a terminal of usual width. */
const helpWidth = 100;

/** The options of a command as `--help` lists them: by group, each with its default and environment names. */
export function renderOptions(table: OptionTable): string {
  return groupsOf(table)
    .map(([group, options]) => `${group}:\n${options.map(([key, option]) => renderOption(key, option)).join("\n")}`)
    .join("\n\n");
}

function renderOption(key: string, option: Option<unknown>): string {
  const facts = [
    describeDefault(option) === "" ? undefined : `Default: ${describeDefault(option)}.`,
    ...(environmentNames(key, option).length > 0 ? [`Environment: ${environmentNames(key, option).join(", ")}.`] : []),
    ...aliasFlags(option).map((flag) => `Also: ${flag}.`),
  ];
  const lines = [option.doc, facts.filter((fact) => fact !== undefined).join(" ")].flatMap((line) => wrap(line));
  return [`  ${flagUsage(key, option)}`, ...lines.map((line) => `      ${line}`)].join("\n");
}

function wrap(line: string): string[] {
  const lines: string[] = [];
  for (const word of line.split(" ").filter((part) => part !== "")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 7 > helpWidth) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function flagUsage(key: string, option: Option<unknown>): string {
  const { placeholder } = option.kind;
  const name = flagName(key);
  if (placeholder === undefined) return option.default === true ? `--${name}, --no-${name}` : `--${name}`;
  return `--${name} ${placeholder}`;
}

function aliasFlags(option: Option<unknown>): string[] {
  return (option.aliases ?? []).flatMap(({ flag }) => (flag === undefined ? [] : [`--${flag}`]));
}

function groupsOf(table: OptionTable): [string, [string, Option<unknown>][]][] {
  const groups = new Map<string, [string, Option<unknown>][]>();
  for (const entry of Object.entries(table)) {
    const group = groups.get(entry[1].group);
    if (group === undefined) groups.set(entry[1].group, [entry]);
    else group.push(entry);
  }
  return [...groups];
}
