/** The optimisations that change no answer, and engines with and without them. */
import { startEngine } from "../../src/assemble.js";
import { loadOptions } from "../../src/config/load.js";
import { settings, type Config } from "../../src/config/settings.js";
import { createLogger } from "../../src/telemetry/log.js";
import type { TestEngine } from "./engine.js";

/** The setting that turns each of them off. */
export const switches = {
  "prefix reuse": { prefixCacheTokens: 0 },
  "prompt lookup": { promptLookup: false },
  "prompts that run together": { joinPrompts: false },
  "chunks that adapt": { decodeSlowdown: 1000 },
  "chunked prefill": { prefillChunkTokens: 65_536 },
  "selection in the graph": { selection: "host" },
  "huge pages": { hugePages: false },
  spinning: { spin: false },
} as const satisfies Readonly<Record<string, Partial<Config>>>;

/** The plain path. */
export const everythingOff: Partial<Config> = Object.assign({}, ...Object.values(switches)) as Partial<Config>;

/** An engine over a checkpoint as a server makes it of these settings, and of the defaults. */
export async function startSwitchedEngine(folder: string, given: Partial<Config>): Promise<TestEngine> {
  const { values: defaults } = loadOptions({ table: settings, args: [], environment: {} });
  const config: Config = { ...defaults, model: folder, ...given };
  const loaded = await startEngine(config, createLogger({ level: "off", format: "json" }));
  const { engine, model } = loaded;
  if (config.hugePages) await model.session.moveToHugePages(); // which `startServers` does some time later
  return {
    ...{ engine, model },
    [Symbol.dispose]: () => {
      loaded.dispose();
      model[Symbol.dispose]();
    },
  };
}
