/** Renders the tuning chart with the real Helm. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Helm, Values } from "../support/chart.js";
import { parseManifests, type Manifest } from "../support/manifests.js";

const chartFolder = fileURLToPath(new URL("../../../charts/ortler-tuning", import.meta.url));

/** What Helm renders as the release `tune` in `models`, or its words for why it does not. */
export function renderTuning(values: Values, helm: Helm = "HELM_BINARY", ...flags: readonly string[]) {
  return runHelm(helm, ["template", "tune", chartFolder, "--namespace", "models", ...flags], values);
}

/** @throws {Error} with Helm's words when it refuses. */
export function tuningManifests(values: Values, helm: Helm = "HELM_BINARY"): Manifest[] {
  const { text, isRefused } = renderTuning(values, helm);
  if (isRefused) throw new Error(text);
  return parseManifests(text);
}

export function lintTuning(values: Values, helm: Helm) {
  return runHelm(helm, ["lint", "--strict", chartFolder], values);
}

/** The text of NOTES.txt. `template` leaves it out, so this is a dry run of `install`. */
export function tuningNotes(values: Values): string {
  const args = ["install", "tune", chartFolder, "--namespace", "models", "--dry-run=client"];
  const { text } = runHelm("HELM_BINARY", args, values);
  return text.slice(text.indexOf("NOTES:"));
}

function runHelm(helm: Helm, args: readonly string[], values: Values) {
  const binary = process.env[helm];
  if (binary === undefined)
    throw new Error(`${helm} is not set: env $(bash scripts/kube-tools.sh) npm run test:deploy`);
  const options = { input: JSON.stringify(values), encoding: "utf8" } as const; // JSON is YAML
  const { status, stdout, stderr, error } = spawnSync(binary, [...args, "--values", "-"], options);
  if (error !== undefined) throw error;
  return { text: status === 0 ? stdout : stdout + stderr, isRefused: status !== 0 };
}
