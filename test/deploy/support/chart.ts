/** Renders the chart with the real Helm, and the combinations of values that the tests render it with. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseManifests, type Manifest } from "./manifests.js";

export type Values = Readonly<Record<string, unknown>>;

/** Both are in use, and they read schemas and templates by different libraries. */
export const helms = ["HELM_BINARY", "HELM3_BINARY"] as const;
export type Helm = (typeof helms)[number];

export const chartFolder = fileURLToPath(new URL("../../../charts/ortler", import.meta.url));
export const release = { name: "gpt2", namespace: "models" } as const;

/** @returns what Helm would install as {@link release}, tests included. @throws {Error} with Helm's words when it refuses. */
export function renderChart(values: Values, helm: Helm = "HELM_BINARY"): Manifest[] {
  const { text, isRefused } = runHelm(helm, "template", values);
  if (isRefused) throw new Error(text);
  return parseManifests(text);
}

/** @returns Helm's words for why it does not render these values. @throws {Error} when it does. */
export function refusalOf(values: Values, helm: Helm): string {
  const { text, isRefused } = runHelm(helm, "template", values);
  if (!isRefused) throw new Error(`${helm} rendered ${JSON.stringify(values)}`);
  return text;
}

/** @returns the text of NOTES.txt. `template` leaves it out, so this is a dry run of `install`. */
export function renderNotes(values: Values): string {
  const { text, isRefused } = runHelm("HELM_BINARY", "install", values);
  if (isRefused) throw new Error(text);
  return text.slice(text.indexOf("NOTES:"));
}

/** @returns what `helm lint --strict` has against the chart with these values; empty when nothing. */
export function lintFaults(values: Values, helm: Helm): string {
  const { text, isRefused } = runHelm(helm, "lint", values);
  return isRefused ? text : "";
}

function runHelm(
  helm: Helm,
  command: "template" | "install" | "lint",
  values: Values,
): { readonly text: string; readonly isRefused: boolean } {
  const binary = process.env[helm];
  if (binary === undefined)
    throw new Error(`${helm} is not set: env $(bash scripts/kube-tools.sh) npm run test:deploy`);
  const named = [release.name, chartFolder, "--namespace", release.namespace];
  const args = {
    template: ["template", ...named],
    install: ["install", ...named, "--dry-run=client"],
    lint: ["lint", "--strict", chartFolder],
  }[command];
  const input = JSON.stringify(values); // JSON is YAML
  const { status, stdout, stderr, error } = spawnSync(binary, [...args, "--values", "-"], { input, encoding: "utf8" });
  if (error !== undefined) throw error;
  return { text: status === 0 ? stdout : stdout + stderr, isRefused: status !== 0 };
}
