/** A whole server that watches, in this process, and what it says of itself. */
import { onTestFinished } from "vitest";
import { startService, type Service } from "../../../src/assemble.js";
import { loadOptions } from "../../../src/config/load.js";
import { settings } from "../../../src/config/settings.js";
import { createLogger } from "../../../src/telemetry/log.js";
import { temporaryFolder } from "../../support/checkpoints.js";
import { until } from "../../support/settled.js";

export interface Health {
  readonly model: { readonly id: string; readonly digest: string };
  readonly refused?: { readonly reason: string; readonly message: string; readonly digest?: string };
}

export interface WatchingServer extends Service {
  readonly port: number;
  readonly url: string;
  readonly logged: readonly string[];
  readonly health: () => Promise<Health>;
  readonly metrics: () => Promise<string>;
  /** Waits for so many lines that begin like this. */
  readonly untilLogged: (beginning: string, lines?: number) => Promise<void>;
  /** Asks for health until it is so. */
  readonly until: (holds: (health: Health) => boolean) => Promise<Health>;
}

/** Everything on one port, until the test ends. It looks for new models a hundred times a second. */
export async function startWatchingServer(model: string, ...args: readonly string[]): Promise<WatchingServer> {
  const all = ["--host=127.0.0.1", "--port=0", `--model=${model}`, "--watch", "--watch-interval-seconds=0.01"];
  const cache = `--model-cache=${await temporaryFolder()}`;
  const { values } = loadOptions({ table: settings, args: [...all, cache, ...args] });
  const logged: string[] = [];
  const note = (message: string, fields: object = {}): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const silent = createLogger({ level: "off", format: "json" });
  const service = await startService(values, { ...silent, info: note, warn: note, error: note });
  onTestFinished(() => service.drain(0));
  const port = service.ports["http"] ?? 0;
  const url = `http://127.0.0.1:${port}`;
  const health = async (): Promise<Health> => (await (await fetch(`${url}/health`)).json()) as Health;
  const countOf = (beginning: string): number => logged.filter((line) => line.startsWith(beginning)).length;
  const untilHealth: WatchingServer["until"] = async (holds) => {
    for (;;) {
      const found = await health();
      if (holds(found)) return found;
    }
  };
  return {
    ...{ ...service, port, url, logged, health, until: untilHealth },
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
    untilLogged: async (beginning, lines = 1) => until(() => countOf(beginning) >= lines),
  };
}
