/** The tables against the real engine: each row unary and streamed, alone and then all rows of all tables at once. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startConformanceServer, type ConformanceServer } from "./server.js";
import { inRandomOrder } from "./table.js";
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

test.each([1, 2])("all at once, in random order %d, have the same answers", async (seed) => {
  const cases = tables.flatMap((table) =>
    table.cases.map(({ name, judge }) => ({ name: `${table.name}: ${name}`, judge })),
  );
  const judged = inRandomOrder(cases, seed).map(async ({ name, judge }) => [name, await judge(server)] as const);
  const wrong = (await Promise.all(judged)).filter(([, differences]) => differences.length > 0);
  expect(wrong).toEqual([]);
});
