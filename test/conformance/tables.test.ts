/** The tables against the real engine: each row unary and streamed, alone and then all rows of all tables at once. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { everythingOff, startSwitchedEngine } from "../support/switches.js";
import { limits, startConformanceServer, type ConformanceServer } from "./server.js";
import { inRandomOrder, type Clients } from "./table.js";
import { readTables } from "./tables.js";

const tables = readTables();

let server: ConformanceServer;
beforeAll(async () => {
  server = await startConformanceServer();
});
afterAll(async () => server.stop());

describe.each(tables)("$name", ({ cases }) => {
  test.each(cases)("$name", async ({ judge }) => {
    expect(await judge(server)).toEqual([]);
  });

  test("names each case once", () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });
});

/** Cases that are answered otherwise when all are asked at once. */
async function wrongAtOnce(
  clients: Clients,
  seed: number,
): Promise<(readonly [name: string, differences: string[]])[]> {
  const cases = tables.flatMap((table) =>
    table.cases.map(({ name, judge }) => ({ name: `${table.name}: ${name}`, judge })),
  );
  const judged = inRandomOrder(cases, seed).map(async ({ name, judge }) => [name, await judge(clients)] as const);
  return (await Promise.all(judged)).filter(([, differences]) => differences.length > 0);
}

test.each([1, 2])("all at once, in random order %d, have the same answers", async (seed) => {
  expect(await wrongAtOnce(server, seed)).toEqual([]);
});

test("all at once have the same answers with every optimisation off", async () => {
  const plain = await startConformanceServer(async (folder) =>
    startSwitchedEngine(folder, { ...limits, ...everythingOff }),
  );
  onTestFinished(async () => plain.stop());
  expect(await wrongAtOnce(plain, 3)).toEqual([]);
});
