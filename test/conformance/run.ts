/**
 * Holds a server against the tables: each case alone, then all of a table at once in random order.
 *
 *   npm run conformance -- --target HOST:PORT [--grpc-target HOST:PORT] [--table NAME] [--seed N]
 *
 * The server must serve the checkpoint test/fixtures/micro-gpt2 with the limits that each table names at its head, and
 * take a whole table at once. Exits with 0 when every answer was as the table has it.
 */
import { parseArgs } from "node:util";
import { GrpcClient } from "./grpc/client.js";
import { HttpClient } from "./http/client.js";
import { inRandomOrder, type Case, type Table } from "./table.js";
import { readTables } from "./tables.js";

interface Arguments {
  readonly target: string;
  readonly grpcTarget: string;
  readonly tables: readonly Table[];
  readonly seed: string;
}

const { target, grpcTarget, tables, seed } = readArguments();
const clients = { grpc: new GrpcClient(grpcTarget), http: new HttpClient(target) };

function readArguments(): Arguments {
  const all = readTables();
  try {
    const text = { type: "string" } as const;
    const options = { target: text, "grpc-target": text, table: text, seed: { ...text, default: "1" } };
    const { target, table, seed, ...values } = parseArgs({ options }).values;
    const tables = all.filter(({ name }) => table === undefined || name === table);
    if (tables.length === 0) throw new Error(`--table must be one of ${all.map(({ name }) => name).join(", ")}`);
    if (target !== undefined) return { target, grpcTarget: values["grpc-target"] ?? target, tables, seed };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
  console.error("Usage: npm run conformance -- --target HOST:PORT [--grpc-target HOST:PORT] [--table NAME] [--seed N]");
  process.exit(2);
}

/** How many cases failed, each alone and then all at once. */
async function run({ name, cases }: Table): Promise<number> {
  const failures: boolean[] = [];
  for (const each of cases) failures.push(await fails(each, "alone"));
  const atOnce = inRandomOrder(cases, Number(seed)).map(async (each) => fails(each, `at once (seed ${seed})`));
  failures.push(...(await Promise.all(atOnce)));
  const failed = failures.filter((hasFailed) => hasFailed).length;
  console.log(`${name}: ${failures.length - failed} of ${failures.length} answers are as they should be`);
  return failed;
}

async function fails({ name, judge }: Case, how: string): Promise<boolean> {
  const wrong = await judge(clients).catch((error: unknown) => [String(error)]);
  if (wrong.length > 0) console.error(`${name}, ${how}:\n  ${wrong.join("\n  ")}`);
  return wrong.length > 0;
}

let failed = 0;
for (const table of tables) failed += await run(table);
clients.grpc.close();
process.exitCode = failed === 0 ? 0 : 1;
