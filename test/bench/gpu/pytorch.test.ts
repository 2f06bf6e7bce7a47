/** Programs stand in for a Python that has PyTorch. */
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { measurePyTorch } from "../../../bench/gpu/pytorch.js";
import { smokeScenario } from "../../../bench/gpu/scenario.js";
import { temporaryFolder } from "../../support/checkpoints.js";
import { until } from "../../support/settled.js";

const { signal } = new AbortController();

async function measureWith(script: string, ending = signal) {
  const python = path.join(await temporaryFolder(), "python");
  await writeFile(python, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return measurePyTorch(smokeScenario, 8, { python, device: "cuda:1", signal: ending });
}

test("the last line is what was measured, whatever PyTorch said before", async () => {
  const rate = await measureWith(`echo a warning; echo '{"version": "PyTorch 2", "stepMs": 0.5}'`);
  expect(rate).toEqual({ version: "PyTorch 2", streams: 8, stepMs: 0.5 });
});

test("the program is told the device, the shape of the model and the run", async () => {
  const { version } = await measureWith(`printf '{"version": %s, "stepMs": 1}' "$2"`);
  expect(version).toEqual({
    ...{ device: "cuda:1", streams: 8, contextTokens: 64, steps: 16 },
    sizes: { layers: 2, heads: 4, width: 64, positions: 512, vocabularySize: 600 },
  });
});

test("without a Python, or without PyTorch in it, there is nothing to measure", async () => {
  const absent = measurePyTorch(smokeScenario, 8, { python: "no-such-python", device: "cuda", signal });
  await expect(absent).rejects.toThrow(
    expect.objectContaining({ name: "SkippedError", message: "there is no no-such-python" }),
  );
  await expect(measureWith(`echo '{"missing": "no torch"}'`)).rejects.toThrow(
    expect.objectContaining({ name: "SkippedError", message: "no torch" }),
  );
});

test("a PyTorch that fails, or is ended, is an error with its last words", async () => {
  await expect(measureWith("echo Traceback >&2; echo 'RuntimeError: no kernel' >&2; exit 3")).rejects.toThrow(
    expect.objectContaining({ name: "HarnessError", message: "RuntimeError: no kernel" }),
  );
  await expect(measureWith("exit 3")).rejects.toThrow("ended with 3");
  await expect(measureWith("echo loading >&2; kill -SEGV $$")).rejects.toThrow("ended by SIGSEGV: loading");
});

test("a PyTorch that hangs ends with its signal", async () => {
  const file = path.join(await temporaryFolder(), "pid");
  const ending = new AbortController();
  const measured = measureWith(`echo $$ > ${file}.new; mv ${file}.new ${file}; exec cat`, ending.signal);
  const refused = expect(measured).rejects.toThrow();
  await until(() => existsSync(file));
  ending.abort();
  await refused;
  const pid = Number(readFileSync(file, "utf8"));
  await until(() => !existsSync(`/proc/${pid}`));
});
