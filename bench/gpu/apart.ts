/**
 * `node apart.js TASK`: measures one thing on the device, in this process alone, and prints it as JSON. What ends with
 * the process is not put away.
 */
import { startEngine } from "../../src/assemble.js";
import { availableCpus } from "../../src/config/cpu.js";
import { loadOptions } from "../../src/config/load.js";
import { settings } from "../../src/config/settings.js";
import type { Loaded } from "../../src/servers.js";
import { createLogger } from "../../src/telemetry/log.js";
import type { EngineResult, Results, Task } from "./apart-messages.js";
import { measureDeviceBandwidth } from "./bandwidth.js";
import { measureDecode, measurePrefill } from "./decode.js";
import { describeDevice } from "./device.js";
import { SkippedError } from "./parts.js";
import type { Missing } from "./program.js";

async function perform(task: Task): Promise<Results[keyof Results]> {
  const { values } = loadOptions({ table: settings, args: task.args });
  const libraryPath = values.ortLibrary === "" ? undefined : values.ortLibrary;
  switch (task.kind) {
    case "device":
      return describeDevice(values.device, libraryPath);
    case "bandwidth": {
      const { choice: device } = await describeDevice(values.device, libraryPath);
      const place = { device, libraryPath, threads: availableCpus() };
      return measureDeviceBandwidth(place, task.scenario.bandwidthMegabytes);
    }
    case "decode":
      return withEngine(values, async (loaded) => measureDecode(loaded, task.scenario, task.streams));
    case "prefill":
      return withEngine(values, async (loaded) => measurePrefill(loaded, task.scenario));
  }
}

async function withEngine<T>(
  values: Parameters<typeof startEngine>[0],
  measure: (loaded: Loaded) => Promise<T>,
): Promise<EngineResult<T>> {
  const loaded = await startEngine(values, createLogger({ level: "error", format: "text" }));
  const { dtype, kvDtype, weightBytes } = loaded.model;
  const model = { dtype, kvDtype, weightBytes, slots: loaded.capacity.slots };
  return { model, figure: await measure(loaded) };
}

function print(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}

try {
  print(await perform(JSON.parse(process.argv[2] ?? "") as Task)); // from our own program
} catch (error) {
  if (error instanceof SkippedError) print({ missing: error.message } satisfies Missing);
  else process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`, () => process.exit(1));
}
