/** Who uses an entry: a file for each, kept fresh as long as the process lives. */
import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemErrorCode } from "../../checkpoint/json.js";
import type { CacheFolder, EntryPaths } from "./cache-folder.js";
import { ageOf, describeThisProcess, Heartbeat, stateOfProcess } from "./living-process.js";

/** Keeps an entry from being removed until it is released. */
export interface Usage {
  release(): Promise<void>;
}

/** To be called by the holder of the entry's lock. */
export async function useEntry(cache: CacheFolder, entry: EntryPaths): Promise<Usage> {
  await mkdir(entry.users, { recursive: true });
  const path = join(entry.users, randomUUID());
  const text = await describeThisProcess();
  const handle = await open(path, "wx");
  await handle.write(text, 0);
  await writeFile(entry.used, "");
  const heartbeat = new Heartbeat(handle, text, cache.timing);
  return {
    async release() {
      await heartbeat.stop();
      await rm(path, { force: true });
    },
  };
}

/** Whether a living process uses the entry. What dead ones have left is taken away. */
export async function isUsed(cache: CacheFolder, entry: EntryPaths): Promise<boolean> {
  const names = await readdir(entry.users).catch(() => []);
  const paths = names.map((name) => join(entry.users, name));
  const living = await Promise.all(paths.map((path) => isAlive(cache, path)));
  await Promise.all(paths.filter((_, index) => living[index] === false).map((path) => rm(path, { force: true })));
  return living.includes(true);
}

async function isAlive(cache: CacheFolder, path: string): Promise<boolean> {
  try {
    const state = await stateOfProcess(await readFile(path, "utf8"));
    return state === "unknown" ? (await ageOf(path, cache.folder)) < cache.timing.staleMs : state === "alive";
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return false; // released since
    throw error;
  }
}
