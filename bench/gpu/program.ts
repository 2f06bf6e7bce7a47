/** Parts of the benchmark are programs of their own: one that crashes or hangs on a device takes nothing else with it. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { HarnessError } from "../errors.js";
import { SkippedError } from "./parts.js";

/** What such a program prints in place of its result, where what it would measure is not here. */
export interface Missing {
  readonly missing: string;
}

/** In bytes: compilers talk a lot. */
const mostOutput = 2 ** 26;

/**
 * Runs a program of ours, whose last line on standard output is its result, as JSON.
 * @param signal ends it.
 * @throws {SkippedError} when the command, or what it would measure, is not here.
 * @throws {HarnessError} when it fails, with its last words.
 */
export async function runProgram<T extends object>(
  command: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<T> {
  const run = promisify(execFile)(command, args, { signal, killSignal: "SIGKILL", maxBuffer: mostOutput });
  const { stdout } = await run.catch((error: unknown) => {
    throw problemOf(error, command);
  });
  const result = JSON.parse(lastLine(stdout)) as T | Missing; // our own program
  if ("missing" in result) throw new SkippedError(result.missing);
  return result;
}

/** What `execFile` rejects with. */
interface Failure {
  /** Exit code, or what is wrong with the command. */
  readonly code?: unknown;
  readonly signal?: string | null;
  readonly stderr?: string;
}

function problemOf(error: unknown, command: string): Error {
  const { code, signal, stderr = "" } = error as Failure;
  if (code === "ENOENT") return new SkippedError(`there is no ${command}`);
  const words = lastLine(stderr);
  if (signal) return new HarnessError(`ended by ${signal}${words === "" ? "" : `: ${words}`}`);
  return new HarnessError(words === "" ? `ended with ${String(code)}` : words);
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
