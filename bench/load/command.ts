/**
 * Load tests as a command: `ortler bench`, and `npm run bench -- load` or `report`. Everything that it starts is in the
 * folder of the built programs.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Command } from "../../src/commands/command.js";
import { loadOptions } from "../../src/config/load.js";
import { ConfigurationError } from "../../src/errors.js";
import { readVersion } from "../../src/version.js";
import { ClientProcesses } from "./client/processes.js";
import { loadOptionTable, type LoadOptions } from "./options.js";
import { renderPage, type NamedReport } from "./page/page.js";
import { createProgress } from "./progress.js";
import { readReport, writeReport, type LoadReport } from "./report/format.js";
import { renderReport } from "./report/render.js";
import { runScenario } from "./run.js";
import { chooseScenario } from "./scenario/choose.js";
import { shippedScenarios } from "./scenario/shipped.js";
import { openServers } from "./servers.js";
import { checkSmoke } from "./smoke.js";
import { apis } from "./targets/target.js";

const scenarios = shippedScenarios.map(({ name, about }) => `  ${name.padEnd(14)} ${about}`).join("\n");

/** @param programs folder of the built programs: the server, the clients' process, what is in the page. */
export function createBenchCommand(programs: string): Command {
  return {
    usage: "bench load [options]\n       ortler bench report REPORT.json... --html FILE",
    description: `Load-tests a server: one that runs already (--target), or one that is started here. The report says how long the first
token takes, how far tokens are apart, how many there are a second, and how many requests were good.
\`report\` puts several reports into one page, to compare them. Scenarios:
${scenarios}`,
    table: loadOptionTable,
    run: async (args) => {
      const { values, positionals } = loadOptions({ table: loadOptionTable, args });
      const [name, ...files] = positionals;
      if (name === "load" && files.length === 0) await load(values, programs);
      else if (name === "report") await compare(files, values, programs);
      else throw new ConfigurationError("what is to be done must be load, or report with the reports' files");
      return 0;
    },
  };
}

async function load(given: LoadOptions, programs: string): Promise<void> {
  const options = given.smoke === true && given.api === undefined ? { ...given, api: apis } : given;
  const scenario = chooseScenario(options);
  await using servers = await openServers(options, programs);
  await using clients = await ClientProcesses.start(options.clientProcesses, programs);
  const report = await runScenario(scenario, servers.measured, {
    clients,
    seed: options.seed,
    timeoutMs: 1000 * options.timeoutSeconds,
    version: await readVersion(path.join(programs, "..", "package.json")),
    observer: createProgress(scenario, process.stderr),
  });
  process.stdout.write(`${renderReport(report)}\n`);
  await writeOutputs(options, [{ name: scenario.name, report }], programs);
  if (options.smoke === true) checkSmoke(report);
}

async function compare(files: readonly string[], options: LoadOptions, programs: string): Promise<void> {
  if (files.length === 0 || options.html === undefined)
    throw new ConfigurationError("report needs files and --html FILE");
  const reports = await Promise.all(
    files.map(async (file) => ({ name: path.basename(file, ".json"), report: await openReport(file) })),
  );
  await write(options.html, await renderPage(reports, programs));
}

async function openReport(file: string): Promise<LoadReport> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new ConfigurationError(`cannot read ${file}: ${String(cause)}`, { cause });
  });
  return readReport(text, file);
}

async function writeOutputs(
  { json, html }: LoadOptions,
  reports: readonly NamedReport[],
  programs: string,
): Promise<void> {
  if (json !== undefined) for (const { report } of reports) await write(json, writeReport(report));
  if (html !== undefined) await write(html, await renderPage(reports, programs));
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
}
