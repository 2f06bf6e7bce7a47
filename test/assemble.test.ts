/** From settings to an engine: what concerns the device. */
import { expect, test } from "vitest";
import { startEngine, type EngineSettings } from "../src/assemble.js";
import { loadOptions } from "../src/config/load.js";
import { settings } from "../src/config/settings.js";
import { ConfigurationError } from "../src/errors.js";
import { createLogger, type Logger } from "../src/telemetry/log.js";
import { complete } from "./support/engine.js";

const settingsOf = (...args: string[]): EngineSettings =>
  loadOptions({ table: settings, args: ["--model=models/tiny", "--max-slots=2", ...args] }).values;

/** Writes to `lines`. */
function logTo(lines: string[]): Logger {
  return createLogger({ level: "info", format: "json", write: (line) => void lines.push(line) });
}

/** What is said of the device at start. */
async function deviceLines(...args: string[]): Promise<unknown[]> {
  const lines: string[] = [];
  const started = await startEngine(settingsOf(...args), logTo(lines));
  started.dispose();
  started.model[Symbol.dispose]();
  const records = lines.map((line) => JSON.parse(line) as { message: string; device?: string; reason?: string });
  return records.filter(({ message }) => message === "device").map(({ device, reason }) => [device, reason]);
}

test("a CPU is taken as asked", async () => {
  expect(await deviceLines()).toEqual([["cpu", "as asked"]]);
});

test("where no GPU can be used, `auto` takes the CPU and says in one line why, and a GPU by name is refused", async () => {
  const lines = await deviceLines("--device=auto");
  expect(lines).toEqual([["cpu", expect.stringMatching(/^no CUDA: .+/)]]);
  await expect(startEngine(settingsOf("--device=cuda"), logTo([]))).rejects.toThrow(ConfigurationError);
});

test("an engine of all defaults answers in the checkpoint's own precision", async () => {
  const started = await startEngine(settingsOf(), logTo([]));
  const { engine, model } = started;
  expect([model.dtype, model.kvDtype, model.selection]).toEqual(["float32", "float32", "block-maxima"]);
  expect(await complete(engine, { prompt: "The", maxNewTokens: 3 })).toMatchObject({ completionTokens: 3 });
  started.dispose();
  model[Symbol.dispose]();
});
