/**
 * Holds a server against the tables: each case alone, then all at once in random order.
 *
 *   npm run conformance -- --target localhost:8033 [--seed 1]
 *
 * Exits with 0 when every answer was as the table has it.
 */
import { parseArgs } from "node:util";
import { ConformanceClient } from "./client.js";
import { casesOf, inRandomOrder, readTgisRows, type Case } from "./rows.js";
import { judge } from "./verdict.js";

const { values } = parseArgs({ options: { target: { type: "string" }, seed: { type: "string", default: "1" } } });
if (values.target === undefined) throw new Error("--target HOST:PORT is missing");
const client = new ConformanceClient(values.target);
const cases = casesOf(readTgisRows());

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
