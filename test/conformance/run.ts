/**
 * Holds a server against the tables: each case alone, then all at once in random order.
 *
 *   npm run conformance -- --target localhost:8033 [--seed 1]
 *
 * The server must serve the checkpoint test/fixtures/micro-gpt2 with the limits that tgis.yaml names at its head.
 * Exits with 0 when every answer was as the table has it.
 */
import { parseArgs } from "node:util";
import { ConformanceClient } from "./client.js";
import { casesOf, inRandomOrder, readTgisRows, type Case } from "./rows.js";
import { judge } from "./verdict.js";

const usage = "npm run conformance -- --target HOST:PORT [--seed N]";
const values = readArguments();
const client = new ConformanceClient(values.target);
const cases = casesOf(readTgisRows());

function readArguments(): { readonly target: string; readonly seed: string } {
  try {
    const options = { target: { type: "string" }, seed: { type: "string", default: "1" } } as const;
    const { target, seed } = parseArgs({ options }).values;
    if (target !== undefined) return { target, seed };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
  console.error(`Usage: ${usage}`);
  process.exit(2);
}

async function fails(each: Case, how: string): Promise<boolean> {
  const wrong = await judge(client, each);
  if (wrong.length > 0) console.error(`${each.name}, ${how}:\n  ${wrong.join("\n  ")}`);
  return wrong.length > 0;
}

const failures: boolean[] = [];
for (const each of cases) failures.push(await fails(each, "alone"));
const atOnce = inRandomOrder(cases, Number(values.seed)).map(async (each) =>
  fails(each, `at once (seed ${values.seed})`),
);
failures.push(...(await Promise.all(atOnce)));
client.close();

const failed = failures.filter((hasFailed) => hasFailed).length;
console.log(`${failures.length - failed} of ${failures.length} answers are as they should be`);
process.exitCode = failed === 0 ? 0 : 1;
