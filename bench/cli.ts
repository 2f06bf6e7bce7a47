/** Entry of the benchmarks: `npm run bench -- COMMAND [options]`. */
import { ConfigurationError } from "../src/errors.js";
import * as compare from "./compare/command.js";
import * as engine from "./engine/command.js";
import { HarnessError, UsageError } from "./errors.js";
import * as gpu from "./gpu/command.js";
import { load, report } from "./load/bench-commands.js";
import * as peers from "./peers/command.js";
import * as roofline from "./roofline/command.js";
import * as smoke from "./smoke.js";
import * as start from "./start/command.js";

interface BenchCommand {
  /** Name and options, then what they do. */
  readonly usage: string;
  readonly run: (args: readonly string[]) => Promise<void>;
}

const commands: Readonly<Record<string, BenchCommand>> = {
  engine,
  peers,
  roofline,
  compare,
  start,
  gpu,
  load,
  report,
  smoke,
};

async function main([name = "", ...args]: readonly string[]): Promise<number> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  try {
    if (command === undefined) throw new UsageError(name === "" ? "which benchmark?" : `unknown benchmark ${name}`);
    await command.run(args);
    return 0;
  } catch (error) {
    if (error instanceof HarnessError) {
      process.stderr.write(`bench: ${error.message}\n`);
      return 1;
    }
    if (!(error instanceof UsageError || error instanceof ConfigurationError)) throw error;
    const usages = Object.values(commands).map(({ usage }) => `  npm run bench -- ${usage}`);
    process.stderr.write(`bench: ${error.message}\n${usages.join("\n")}\n`);
    return 2;
  }
}

process.exit(await main(process.argv.slice(2)));
