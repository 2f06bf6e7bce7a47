/** Writes what a run of the GPU tests found for whoever was not there: `test-gpu.json`, and the same as text. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Reporter, TestCase, TestModule } from "vitest/node";

interface Row {
  readonly test: string;
  readonly state: string;
  readonly seconds: number;
  /** What the test measured on its way (`annotate`). */
  readonly figures: readonly string[];
  readonly errors: readonly string[];
}

export class ResultFiles implements Reporter {
  readonly #folder = process.env["ORTLER_GPU_RESULTS"] ?? path.join(".cache", "gpu", "results");

  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = modules.flatMap(({ children }) => [...children.allTests()].map(rowOf));
    const broken = modules.flatMap((module) => module.errors().map(({ message }) => `${module.moduleId}: ${message}`));
    const report = { device: process.env["ORTLER_DEVICE"] ?? "cuda", date: new Date().toISOString(), rows, broken };
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(path.join(this.#folder, "test-gpu.json"), `${JSON.stringify(report, undefined, 2)}\n`);
    writeFileSync(path.join(this.#folder, "test-gpu.txt"), render(report));
  }
}

function rowOf(test: TestCase): Row {
  const { state, errors = [] } = test.result();
  return {
    test: test.fullName,
    state,
    seconds: (test.diagnostic()?.duration ?? 0) / 1000,
    figures: test.annotations().map(({ message }) => message),
    errors: errors.map(({ message }) => message),
  };
}

interface Report {
  readonly device: string;
  readonly date: string;
  readonly rows: readonly Row[];
  /** Files that could not be run. */
  readonly broken: readonly string[];
}

function render({ device, date, rows, broken }: Report): string {
  const passed = rows.filter(({ state }) => state === "passed").length;
  const lines = rows.flatMap(({ test, state, seconds, figures, errors }) => [
    `${state.padEnd(8)}${seconds.toFixed(1).padStart(6)} s  ${test}`,
    ...[...figures, ...errors].map((text) => `                  ${text.replaceAll("\n", "\n                  ")}`),
  ]);
  return [`${date}, device ${device}: ${passed} of ${rows.length} passed`, ...broken, ...lines, ""].join("\n");
}
