import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { renderOptions } from "../../src/config/help.js";
import { bytes, listOf, text, toggle } from "../../src/config/kinds.js";
import { loadOptions } from "../../src/config/load.js";
import { environmentNames, flagName, type OptionTable } from "../../src/config/options.js";
import { describeSettings } from "../../src/config/printout.js";
import { renderSettingsPage } from "../../src/config/settings-page.js";
import { settings } from "../../src/config/settings.js";

const example = {
  folder: { kind: text("PATH"), default: "", defaultText: "none", group: "Files", doc: "Where to look." },
  apiKey: { kind: text("KEY"), default: "", group: "Files", doc: "Proves who asks.", isSecret: true },
  limit: {
    kind: bytes(),
    default: 0,
    group: "Limits",
    doc: "Most bytes.",
    aliases: [{ flag: "max", env: "MAX_BYTES" }],
  },
  fast: { kind: toggle(), default: true, group: "Limits", doc: "Hurry." },
  tag: { kind: listOf(text("TAG")), default: undefined, group: "Limits", doc: "May be repeated.", isFlagOnly: true },
} as const satisfies OptionTable;

test("every default keeps the rule of its own setting", () => {
  const entries = Object.entries<OptionTable[string]>(settings);
  const read = entries.map(([key, option]) => [key, option.kind.read([String(option.default)])]);
  expect(read).toEqual(entries.map(([key, option]) => [key, option.default]));
});

test("no two settings share a flag or a variable", () => {
  const names = Object.entries<OptionTable[string]>(settings).flatMap(([key, option]) => [
    `--${flagName(key)}`,
    ...(option.aliases ?? []).flatMap(({ flag }) => (flag === undefined ? [] : [`--${flag}`])),
    ...environmentNames(key, option),
  ]);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test("docs/settings.md is what the table of settings says (npm run settings-page)", () => {
  expect(readFileSync("docs/settings.md", "utf8")).toBe(renderSettingsPage());
});

test("the help lists options by group with their value, default, variables and aliases", () => {
  expect(renderOptions(example)).toBe(`Files:
  --folder PATH
      Where to look.
      Default: none. Environment: ORTLER_FOLDER.
  --api-key KEY
      Proves who asks.
      Environment: ORTLER_API_KEY.

Limits:
  --limit BYTES
      Most bytes.
      Default: 0. Environment: ORTLER_LIMIT, MAX_BYTES. Also: --max.
  --fast, --no-fast
      Hurry.
      Default: true. Environment: ORTLER_FAST.
  --tag TAG
      May be repeated.`);
});

test("the printout gives each value with its source, and hides secrets", () => {
  const environment = { MAX_BYTES: "1Ki", ORTLER_API_KEY: "hunter2" };
  const loaded = loadOptions({ table: example, args: ["--no-fast", "--tag=a", "--tag", "b"], environment });
  expect(describeSettings(example, loaded)).toEqual([
    { name: "folder", value: "none", source: "default" },
    { name: "api-key", value: "****", source: "ORTLER_API_KEY" },
    { name: "limit", value: "1024", source: "MAX_BYTES" },
    { name: "fast", value: "false", source: "--no-fast" },
    { name: "tag", value: "a b", source: "--tag" },
  ]);
});

test("the printout hides the TLS key, which may be given as text", () => {
  const loaded = loadOptions({
    table: settings,
    args: [],
    environment: { TLS_KEY_PATH: "-----BEGIN PRIVATE KEY-----" },
  });
  expect(describeSettings(settings, loaded)).toContainEqual({ name: "tls-key", value: "****", source: "TLS_KEY_PATH" });
});

test("an option that is for the command line only is not read from the environment", () => {
  expect(loadOptions({ table: example, args: [], environment: { ORTLER_TAG: "a" } }).values.tag).toBeUndefined();
});
