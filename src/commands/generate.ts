import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { loadOptions } from "../config/load.js";
import { settings } from "../config/settings.js";
import type { Engine } from "../engine/engine.js";
import type { GenerationEvent, UncheckedRequest } from "../engine/request.js";
import { ConfigurationError } from "../errors.js";
import { createLogger } from "../telemetry/log.js";
import type { Command } from "./command.js";
import { generateOptions, requestOf, type GenerateValues } from "./generate-options.js";

export const command: Command = {
  usage: 'generate [options] "PROMPT"',
  description: `Generates text here, without a server. The prompt is the argument; without one, or with -, it is read
from standard input, less one line break at its end. The text is printed as it comes; --json prints one object at the
end: text, promptTokens, completionTokens, stopReason, seed (text, as it has 64 bits; null when not sampled), and ms
(of generating, not of loading).`,
  table: generateOptions,

  async run(args) {
    const { values, positionals } = loadOptions({ table: generateOptions, args });
    const prompt = await readPrompt(positionals);
    const interruption = stopWhenInterrupted();
    const { startEngine } = await import("../assemble.js");
    const { engine } = await startEngine(engineSettings(values), createLogger(logOptions(values)));
    try {
      const print = values.json ? printJson : printText;
      await print(engine, requestOf(prompt, values), interruption.signal);
    } catch (error) {
      if (!interruption.signal.aborted) throw error;
    }
    return interruption.exitCode();
  },
};

async function readPrompt([prompt, unexpected]: readonly string[]): Promise<string> {
  if (unexpected !== undefined) {
    throw new ConfigurationError(
      `unexpected argument ${JSON.stringify(unexpected)}: put a prompt of many words in quotes`,
    );
  }
  if (prompt !== undefined && prompt !== "-") return prompt;
  if (prompt === undefined && process.stdin.isTTY) {
    throw new ConfigurationError("no prompt: give one in quotes, or - to read it from standard input");
  }
  process.stdin.setEncoding("utf8");
  let piped = "";
  for await (const chunk of process.stdin) piped += String(chunk);
  return piped.replace(/\r?\n$/, "");
}

/** One sequence at a time, and no limit on it but the model's. */
function engineSettings(values: GenerateValues) {
  return {
    ...values,
    modelId: settings.modelId.default,
    prefixCacheTokens: 0, // nothing comes after this one
    kvMemory: settings.kvMemory.default,
    defaultIncludeStopSequences: settings.defaultIncludeStopSequences.default,
    maxSlots: 1,
    maxConcurrentRequests: 1,
    maxPromptCharacters: Infinity,
    maxNewTokens: Math.max(values.maxNewTokens, settings.maxNewTokens.default),
  };
}

function logOptions({ logLevel, logFormat }: GenerateValues) {
  return { level: logLevel, format: logFormat };
}

/** Ctrl-C ends the generation, and a second one the process; so does a reader that went away, which is no failure. */
function stopWhenInterrupted(): { readonly signal: AbortSignal; readonly exitCode: () => number } {
  const controller = new AbortController();
  let exitCode = 0;
  process.once("SIGINT", () => {
    exitCode = 130;
    controller.abort();
  });
  process.stdout.once("error", () => controller.abort());
  return { signal: controller.signal, exitCode: () => exitCode };
}

async function printText(engine: Engine, request: UncheckedRequest, signal: AbortSignal): Promise<void> {
  for await (const event of engine.generate(request, signal)) {
    await print(textOf(event), signal);
  }
  await print("\n", signal);
}

/** The text with what is known of it. */
async function printJson(engine: Engine, request: UncheckedRequest, signal: AbortSignal): Promise<void> {
  const start = performance.now();
  let text = "";
  let facts = {};
  for await (const event of engine.generate(request, signal)) {
    text += textOf(event);
    facts = { ...facts, ...factsOf(event, request) };
  }
  const ms = Math.round(performance.now() - start);
  await print(`${JSON.stringify({ text, ...facts, ms })}\n`, signal);
}

function textOf(event: GenerationEvent): string {
  return event.type === "prompt" ? "" : event.text;
}

function factsOf(event: GenerationEvent, request: UncheckedRequest): Readonly<Record<string, unknown>> {
  switch (event.type) {
    case "started":
      return { promptTokens: event.promptTokens, seed: request.method === "sample" ? String(event.seed) : null };
    case "prompt":
      return {};
    case "tokens":
      return { completionTokens: event.completionTokens, ...(event.stop && { stopReason: event.stop.reason }) };
  }
}

/** Waits for a reader that is slower than the model. */
async function print(text: string, signal: AbortSignal): Promise<void> {
  if (text !== "" && !process.stdout.write(text)) await once(process.stdout, "drain", { signal });
}
