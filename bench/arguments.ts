/** Command lines of the benchmarks. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { UsageError } from "./errors.js";

/**
 * `parseArgs` of Node, whose errors are mistakes of whoever typed.
 * @throws {UsageError}
 */
export function parseArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** @throws {UsageError} unless `text` is a whole number of at least 1. Absent stays absent. */
export function positiveInteger(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new UsageError(`${option} must be an integer of at least 1, got ${text}`);
  }
  return value;
}

/** @throws {UsageError} unless `text` names one device as `ortler serve --device` has it: `cpu`, `cuda` or `cuda:N`. */
export function deviceName(option: string, text: string): string {
  if (/^(cpu|cuda(:\d{1,3})?)$/.test(text)) return text;
  throw new UsageError(`${option} must be cpu, cuda or cuda:N, got ${text}`);
}
