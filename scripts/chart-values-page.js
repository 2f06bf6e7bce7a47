/**
 * Writes what the chart says of its values from where they are defined: `npm run chart-values`.
 *
 * - The part `settings` of charts/ortler/values.schema.json, from the server's table of settings.
 * - The table in each chart's README.md, from the comments of its values.yaml that begin with `--`.
 *
 * With --check it writes nothing, and ends with 1 when a file is not what it would write.
 */
import { Buffer } from "node:buffer";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { URL, fileURLToPath } from "node:url";
import { build } from "esbuild";
import { format, resolveConfig } from "prettier";
import { isMap, isScalar, parseDocument } from "yaml";

const charts = new URL("../charts/", import.meta.url);

/** Settings that the chart gives by values of its own, or that belong into a Secret. */
const givenByTheChart = [
  ...["model", "modelId", "dtype", "modelToken", "modelCache", "weightsCache"],
  ...["port", "grpcPort", "grpc", "tgisPort", "tgis", "httpPort", "http", "healthPort", "health"],
  ...["tlsCert", "tlsKey", "tlsClientCa", "apiKeysFile"],
  "shutdownDelaySeconds",
  "config", // a file with settings: they are in the values
];

/** What the values may hold for a setting, by the rule of its kind (src/config/kinds.ts). */
const schemasByRule = [
  [/^an integer from (\d+) to (\d+)$/, (from, to) => ({ type: "integer", minimum: Number(from), maximum: Number(to) })],
  [/^a number from (\S+) to (\S+)$/, (from, to) => ({ type: "number", minimum: Number(from), maximum: Number(to) })],
  [/^one of (.+)$/, (choices) => ({ enum: choices.split(", ") })],
  [/^true or false$/, () => ({ type: "boolean" })],
  [
    /^a number of bytes/,
    () => ({ type: ["integer", "string"], minimum: 0, pattern: "^[0-9]+(\\.[0-9]+)?([kKmMgGtT]i?)?$" }),
  ],
];

/** The server's table of settings, out of its TypeScript source. */
async function loadSettings() {
  const entry = fileURLToPath(new URL("../src/config/settings.ts", import.meta.url));
  const bundle = { entryPoints: [entry], bundle: true, write: false, platform: "node", format: "esm" };
  const { outputFiles } = await build(bundle);
  const module = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
  return module.settings;
}

async function renderSchema() {
  const schema = JSON.parse(read("ortler/values.schema.json"));
  const settings = Object.entries(await loadSettings()).filter(([key]) => !givenByTheChart.includes(key));
  schema.properties.settings = {
    description: "Settings of the server. Made by scripts/chart-values-page.js; do not edit.",
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(settings.map(([key, option]) => [key, settingSchema(option)])),
  };
  return JSON.stringify(schema);
}

/** A rule that is not known here is one for texts, which the server checks when it starts. */
function settingSchema({ kind, doc }) {
  for (const [rule, schemaOf] of schemasByRule) {
    const match = rule.exec(kind.rule);
    if (match !== null) return { description: doc, ...schemaOf(...match.slice(1)) };
  }
  return { description: doc, type: "string" };
}

function renderReadme(chart) {
  const marker = "<!-- values -->";
  const [head, , tail] = read(`${chart}/README.md`).split(marker);
  const rows = valueRows(parseDocument(read(`${chart}/values.yaml`)).contents, []);
  const lines = rows.map(({ path, value, doc }) => `| \`${path}\` | \`${value}\` | ${doc.replaceAll("|", "\\|")} |`);
  return [head, `\n\n| Value | Default | What it is |\n| --- | --- | --- |\n${lines.join("\n")}\n\n`, tail].join(
    marker,
  );
}

/** A value with a comment is a row, whatever is in it; one without must be a map of such. */
function valueRows(map, path) {
  return map.items.flatMap(({ key, value }, index) => {
    // The comment above the first key of a map is the map's.
    const comment = key.commentBefore ?? (index === 0 ? map.commentBefore : undefined) ?? "";
    const doc = /(?:^|\n) -- (.+)$/.exec(comment)?.[1];
    const here = [...path, key.value];
    if (doc !== undefined) return [{ path: here.join("."), value: defaultText(value), doc }];
    if (isMap(value) && value.items.length > 0) return valueRows(value, here);
    throw new Error(`${here.join(".")} in values.yaml has no comment that begins with --`);
  });
}

function defaultText(node) {
  return isScalar(node) && typeof node.value === "string" && node.value !== "" ? node.value : JSON.stringify(node);
}

function read(name) {
  return readFileSync(new URL(name, charts), "utf8");
}

async function renderFormatted(name, text) {
  const filepath = fileURLToPath(new URL(name, charts));
  return format(text, { ...(await resolveConfig(filepath)), filepath });
}

const files = [
  ["ortler/values.schema.json", await renderSchema()],
  ["ortler/README.md", renderReadme("ortler")],
  ["ortler-tuning/README.md", renderReadme("ortler-tuning")],
];
for (const [name, text] of files) {
  const rendered = await renderFormatted(name, text);
  if (!process.argv.includes("--check")) {
    writeFileSync(new URL(name, charts), rendered);
  } else if (rendered !== read(name)) {
    process.stderr.write(`charts/${name} is not up to date: npm run chart-values\n`);
    process.exitCode = 1;
  }
}
