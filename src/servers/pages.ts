/** What is done for a model's memory while it serves, in the background. */
import { setTimeout } from "node:timers/promises";
import type { Config } from "../config/settings.js";
import type { Logger } from "../telemetry/log.js";
import type { Served } from "./served.js";

/** When the process has said that it is ready, and the first requests have come, who may have waited for it. */
const hugePagesDelayMs = 1000;
/** Reading what was given back costs some milliseconds in all, so it need not be seldom; more often, nobody would see. */
const dropIntervalMs = 30_000;

/** Until the model is released. What fails is logged, and changes no answer. */
export async function keepPages(served: Served, { hugePages }: Pick<Config, "hugePages">, log: Logger): Promise<void> {
  const { ending } = served;
  try {
    if (hugePages) await useHugePages(served, log);
  } catch (error) {
    if (!ending.aborted) log.warn("the weights could not be put into huge pages", { error });
  }
  try {
    for (;;) {
      await setTimeout(dropIntervalMs, undefined, { signal: ending, ref: false });
      await served.model.dropReadPages();
    }
  } catch (error) {
    if (!ending.aborted) log.warn("pages of the weights' files stay in memory", { error });
  }
}

async function useHugePages({ model: { session }, ending }: Served, log: Logger): Promise<void> {
  await setTimeout(hugePagesDelayMs, undefined, { signal: ending, ref: false });
  const start = performance.now();
  const bytes = await session.moveToHugePages(ending);
  log.info("huge pages", { bytes, ms: Math.round(performance.now() - start) });
}
