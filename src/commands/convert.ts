import { loadOptions } from "../config/load.js";
import { ConfigurationError } from "../errors.js";
import type { Exported } from "../model/export/export-model.js";
import { formatBytes } from "../telemetry/progress/units.js";
import type { Command } from "./command.js";
import { convertOptions } from "./convert-options.js";

export const command: Command = {
  usage: "convert [options] SRC DST",
  description: `Writes a model to the folder DST in a format that others read, with its configuration and tokenizer. SRC is
whatever --model of serve takes: a folder, a GGUF file, s3://, hf://, https://. Serving needs no conversion. DST is a
model only once all is written; an interrupted or failed conversion leaves it as it was.`,
  table: convertOptions,

  async run(args) {
    const { values, positionals } = loadOptions({ table: convertOptions, args });
    const { source, destination } = readPaths(positionals);
    const { provideSource } = await import("./convert-source.js");
    const { exportModel } = await import("../model/export/export-model.js");
    const { folder, release } = await provideSource(source, values); // goes on where it was, when it is broken off
    const interruption = stopWhenInterrupted();
    try {
      const { format, dtype, overwrite: isOverwriting } = values;
      const { signal } = interruption;
      process.stdout.write(
        render(await exportModel({ source: folder, destination, format, dtype, isOverwriting, signal })),
      );
    } catch (error) {
      if (!interruption.signal.aborted) throw error;
    } finally {
      await release();
    }
    return interruption.exitCode();
  },
};

function readPaths([source, destination, unexpected]: readonly string[]): { source: string; destination: string } {
  if (source === undefined) throw new ConfigurationError("no SRC and no DST: name the model and the folder to fill");
  if (destination === undefined || destination === "") {
    throw new ConfigurationError(`no DST: name the folder to fill with what becomes of ${JSON.stringify(source)}`);
  }
  if (unexpected !== undefined) throw new ConfigurationError(`unexpected argument ${JSON.stringify(unexpected)}`);
  if (/^[a-z][\w+.-]*:\/\//i.test(destination)) {
    throw new ConfigurationError(`DST must be a folder on this machine, got ${JSON.stringify(destination)}`);
  }
  return { source, destination };
}

/** Ctrl-C ends the conversion without a trace, and a second one the process. */
function stopWhenInterrupted(): { readonly signal: AbortSignal; readonly exitCode: () => number } {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  return { signal: controller.signal, exitCode: () => (controller.signal.aborted ? 130 : 0) };
}

function render({ folder, files, dtype, tensors, weightBytes, notes }: Exported): string {
  const lines = [`wrote ${folder}: ${files.join(", ")}`, `${tensors} tensors in ${dtype}, ${formatBytes(weightBytes)}`];
  return [...lines, ...notes.map((note) => `note: ${note}`), ""].join("\n");
}
