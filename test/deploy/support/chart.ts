/** Renders the charts with the real Helm. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseManifests, type Manifest } from "./manifests.js";

export type Values = Readonly<Record<string, unknown>>;

/** Both are in use, and they read schemas and templates by different libraries. */
export const helms = ["HELM_BINARY", "HELM3_BINARY"] as const;
export type Helm = (typeof helms)[number];

/** A chart, and the name of the release that the tests render it as, in `namespace`. */
export interface Chart {
  readonly folder: string;
  readonly release: string;
}

const chartAt = (name: string): string => fileURLToPath(new URL(`../../../charts/${name}`, import.meta.url));
const servingChart: Chart = { folder: chartAt("ortler"), release: "gpt2" };
export const tuningChart: Chart = { folder: chartAt("ortler-tuning"), release: "tune" };
const namespace = "models";

/** @returns what Helm would install, tests included. @throws {Error} with Helm's words when it refuses. */
export function renderChart(values: Values, helm: Helm = "HELM_BINARY", chart = servingChart): Manifest[] {
  const { text, isRefused } = runHelm(helm, "template", chart, values);
  if (isRefused) throw new Error(text);
  return parseManifests(text);
}

/** @returns Helm's words for why it does not render these values. @throws {Error} when it does. */
export function refusalOf(values: Values, helm: Helm, chart = servingChart): string {
  const { text, isRefused } = runHelm(helm, "template", chart, values);
  if (!isRefused) throw new Error(`${helm} rendered ${JSON.stringify(values)}`);
  return text;
}

/** @returns the text of NOTES.txt. `template` leaves it out, so this is a dry run of `install`. */
export function renderNotes(values: Values, chart = servingChart): string {
  const { text, isRefused } = runHelm("HELM_BINARY", "install", chart, values);
  if (isRefused) throw new Error(text);
  return text.slice(text.indexOf("NOTES:"));
}

/** @returns what `helm lint --strict` has against the chart with these values; empty when nothing. */
export function lintFaults(values: Values, helm: Helm, chart = servingChart): string {
  const { text, isRefused } = runHelm(helm, "lint", chart, values);
  return isRefused ? text : "";
}

function runHelm(
  helm: Helm,
  command: "template" | "install" | "lint",
  { folder, release }: Chart,
  values: Values,
): { readonly text: string; readonly isRefused: boolean } {
  const binary = process.env[helm];
  if (binary === undefined)
    throw new Error(`${helm} is not set: env $(bash scripts/kube-tools.sh) npm run test:deploy`);
  const named = [release, folder, "--namespace", namespace];
  const args = {
    template: ["template", ...named],
    install: ["install", ...named, "--dry-run=client"],
    lint: ["lint", "--strict", folder],
  }[command];
  const input = JSON.stringify(values); // JSON is YAML
  const { status, stdout, stderr, error } = spawnSync(binary, [...args, "--values", "-"], { input, encoding: "utf8" });
  if (error !== undefined) throw error;
  return { text: status === 0 ? stdout : stdout + stderr, isRefused: status !== 0 };
}
