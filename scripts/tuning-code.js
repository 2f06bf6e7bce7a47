/**
 * Writes the ConfigMap of the fine-tuning program, out of the Python package examples/finetune:
 * `node scripts/tuning-code.js`. Chart and kustomize base have a copy each, since neither reads files outside its own
 * folder, and GitOps tools drop symbolic links.
 *
 * With --check it writes nothing, and ends with 1 when a file is not what it would write.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { URL } from "node:url";
import { stringify } from "yaml";

const root = new URL("../", import.meta.url);
const source = new URL("examples/finetune/ortler_finetune/", root);
const targets = ["charts/ortler-tuning/files/code.yaml", "runtime/tuning/base/code.yaml"];

const names = readdirSync(source)
  .filter((name) => name.endsWith(".py"))
  .sort();
const data = Object.fromEntries(names.map((name) => [name, readFileSync(new URL(name, source), "utf8")]));
const manifest = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "tuning-code" }, data };
const text = `# Made from examples/finetune/ortler_finetune by scripts/tuning-code.js; do not edit.
${stringify(manifest, { lineWidth: 0, defaultStringType: "PLAIN", blockQuote: "literal" })}`;

for (const target of targets) {
  const file = new URL(target, root);
  if (!process.argv.includes("--check")) {
    writeFileSync(file, text);
  } else if (text !== readFileSync(file, "utf8")) {
    process.stderr.write(`${target} is not up to date: node scripts/tuning-code.js\n`);
    process.exitCode = 1;
  }
}
