/** How long the server takes to start on a device, and what of it takes how long: its own log says where it is. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { HarnessError } from "../errors.js";
import { median } from "../stats.js";
import type { GpuScenario } from "./scenario.js";

/** The log line that ends each part of a start, in order. */
const partsByLine = {
  setting: "Node, the program, its settings",
  device: "the device and its libraries",
  model: "weights, session, tokenizer",
  engine: "engine and cache",
  serving: "ports",
} as const;
type Line = keyof typeof partsByLine;
const lines = Object.keys(partsByLine) as Line[];

/** Milliseconds of each part, one after the other. */
export type StartParts = Readonly<Record<Line, number>>;

/** Of several starts. */
export interface StartTimes {
  /** From `spawn` until the server was SERVING; every start, in order. */
  readonly servingMs: readonly number[];
  /** Name and median. */
  readonly parts: readonly { readonly part: string; readonly ms: number }[];
}

export interface Starts {
  readonly plain: StartTimes;
  /** With a `--weights-cache` that a start before has filled. */
  readonly cached: StartTimes;
}

/**
 * @param folder for a weights cache.
 * @param signal ends it, with the server that is starting.
 */
export async function measureStarts(
  args: readonly string[],
  folder: string,
  { starts }: Pick<GpuScenario, "starts">,
  signal: AbortSignal,
): Promise<Starts> {
  const cache = path.join(folder, "gpu-weights");
  const cachedArgs = [...args, `--weights-cache=${cache}`];
  try {
    const plain = await startTimes(args, starts, signal);
    await startOnce(cachedArgs, signal);
    return { plain, cached: await startTimes(cachedArgs, starts, signal) };
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

async function startTimes(args: readonly string[], count: number, signal: AbortSignal): Promise<StartTimes> {
  const all: StartParts[] = [];
  for (let start = 0; start < count; start += 1) all.push(await startOnce(args, signal));
  return {
    servingMs: all.map((parts) => lines.reduce((sum, line) => sum + parts[line], 0)),
    parts: lines.map((line) => ({ part: partsByLine[line], ms: median(all.map((parts) => parts[line])) })),
  };
}

async function startOnce(args: readonly string[], signal: AbortSignal): Promise<StartParts> {
  signal.throwIfAborted();
  const ports = ["grpc", "tgis", "http", "health"].map((name) => `--${name}-port=0`);
  const flags = ["--host=127.0.0.1", ...ports, "--log-level=info", "--log-format=json", ...args];
  const start = performance.now();
  const program = path.join("dist", "cli.js");
  const child = spawn(process.execPath, [program, "serve", ...flags], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  const kill = (): boolean => child.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  try {
    return await readStart(createInterface(child.stderr), () => performance.now() - start);
  } finally {
    signal.removeEventListener("abort", kill);
    child.stderr.resume(); // nobody reads on, and it must not fill up
    child.kill("SIGTERM");
    await ended;
  }
}

/**
 * @param log of a server, line by line, as it comes.
 * @param now milliseconds since its start.
 * @throws {HarnessError} when it ends before the server is SERVING, with its last words.
 */
export async function readStart(log: AsyncIterable<string>, now: () => number): Promise<StartParts> {
  const parts: Partial<Record<Line, number>> = {};
  let before = 0;
  let last = "";
  for await (const text of log) {
    const line = messageOf(text);
    last = line;
    if (!isPart(line) || parts[line] !== undefined) continue;
    const ms = now();
    parts[line] = ms - before;
    before = ms;
    if (isWhole(parts)) return parts;
  }
  throw new HarnessError(`the server ended before it was SERVING: ${last}`);
}

const isPart = (line: string): line is Line => Object.hasOwn(partsByLine, line);
const isWhole = (parts: Partial<StartParts>): parts is StartParts => lines.every((line) => parts[line] !== undefined);

/** What is no line of the log says something by itself, such as a crash. */
function messageOf(text: string): string {
  try {
    return String((JSON.parse(text) as { readonly message?: unknown }).message);
  } catch {
    return text;
  }
}
