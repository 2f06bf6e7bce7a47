import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ServerProcess } from "../server-process.js";
import { median, summarize, type Summary } from "../stats.js";
import type { StartupParts } from "./startup-parts.js";

export interface StartupRow {
  readonly model: string;
  /** From `spawn` in this process to the ready line arriving here. */
  readonly wallMs: Summary | undefined;
  /** What the ready line says. */
  readonly readyMs: Summary | undefined;
  /** Medians of what each part takes alone; in the server some of them overlap. In the order of the start. */
  readonly parts: StartupParts;
}

const partsProgram = fileURLToPath(new URL("./startup-parts.js", import.meta.url));

/** Starts the server `count` times; the checkpoint's file is in the system's cache from the second time on. */
export async function measureStartup(
  name: string,
  folder: string,
  serverArgs: readonly string[],
  count: number,
): Promise<StartupRow> {
  const wallMs: number[] = [];
  const readyMs: number[] = [];
  const parts: StartupParts[] = [];
  for (let start = 0; start < count; start += 1) {
    await using server = await ServerProcess.start({ args: serverArgs });
    wallMs.push(server.wallMs);
    readyMs.push(server.readyMs);
    parts.push(await timeParts(folder));
  }
  return { model: name, wallMs: summarize(wallMs), readyMs: summarize(readyMs), parts: medians(parts) };
}

async function timeParts(folder: string): Promise<StartupParts> {
  const { stdout } = await promisify(execFile)(process.execPath, [partsProgram, folder]);
  return JSON.parse(stdout) as StartupParts; // from our own program
}

function medians(all: readonly StartupParts[]): StartupParts {
  const names = Object.keys(all[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(all.map((parts) => parts[name] ?? NaN))]));
}
