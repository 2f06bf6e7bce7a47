#!/usr/bin/env node
/** Entry of the program: finds the command, turns its errors into one line and an exit code. */
import { basename } from "node:path";
import type { Command } from "./commands/command.js";
import { ortlerArguments } from "./commands/peer-programs.js";
import { ConfigurationError, OrtlerError } from "./errors.js";

interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}

const commands: Readonly<Record<string, CommandEntry>> = {
  serve: { summary: "Serve a model over gRPC and HTTP.", load: () => import("./commands/serve.js") },
  generate: {
    summary: "Generate text from a prompt, here in the terminal.",
    load: () => import("./commands/generate.js"),
  },
  inspect: {
    summary: "Say what is in a model folder, and what would not load.",
    load: () => import("./commands/inspect.js"),
  },
  convert: {
    summary: "Write a model in another format: safetensors or ONNX.",
    load: () => import("./commands/convert.js"),
  },
  bench: {
    summary: "Load-test a server: latency, tokens a second, goodput.",
    load: () => import("./commands/bench.js"),
  },
  cache: {
    summary: "List the models in the cache, or remove some.",
    load: () => import("./commands/cache.js"),
  },
  health: {
    summary: "Ask a server whether it serves, for exec probes.",
    load: () => import("./commands/health.js"),
  },
};

const usageError = 2;

async function main([, program = "", ...given]: readonly string[]): Promise<number> {
  const [name, ...args] = ortlerArguments(basename(program), given);
  if (name === undefined) return print(process.stderr, renderHelp(), usageError);
  if (name === "--help" || name === "-h" || name === "help") return print(process.stdout, renderHelp(), 0);
  if (name === "--version" || name === "-v") return print(process.stdout, await version(), 0);
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    throw new ConfigurationError(`unknown command ${name}: the commands are ${Object.keys(commands).join(", ")}`);
  }
  const { command } = await entry.load();
  return wantsHelp(args) ? print(process.stdout, await renderCommandHelp(command), 0) : command.run(args);
}

function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).some((arg) => arg === "--help" || arg === "-h");
}

function renderHelp(): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`);
  return `Usage: ortler <command> [options]

A text-generation model server on ONNX Runtime.

Commands:
${lines.join("\n")}

ortler <command> --help lists a command's options; ortler --version prints the version.`;
}

async function renderCommandHelp({ usage, description, table }: Command): Promise<string> {
  const { renderOptions } = await import("./config/help.js");
  return `Usage: ortler ${usage}\n\n${description}\n\n${renderOptions(table)}`;
}

async function version(): Promise<string> {
  const { readVersion } = await import("./version.js");
  return readVersion();
}

function print(stream: NodeJS.WriteStream, text: string, exitCode: number): number {
  stream.write(`${text}\n`);
  return exitCode;
}

/** The mistakes of users and operators are one line; anything else is a bug, and its stack is wanted. */
function report(error: unknown): number {
  const isExpected = error instanceof OrtlerError && error.kind !== "internal";
  const text = error instanceof Error ? (isExpected ? error.message : (error.stack ?? error.message)) : String(error);
  return print(process.stderr, `ortler: ${text}`, error instanceof ConfigurationError ? usageError : 1);
}

// A reader that went away (`ortler ... | head`) is no error of the program: a command that minds listens itself.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

// Exits in any case, whatever a library left open. Node writes to files, terminals and pipes at once (on POSIX), so
// that nothing which was printed is lost.
process.exit(await main(process.argv).catch(report));
