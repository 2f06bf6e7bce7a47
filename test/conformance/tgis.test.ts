/**
 * The table of fmaas.GenerationService against the real engine: each row unary and streamed, alone and then all at once.
 * The messages are made without our generated types.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTgisEngine, type TgisEngineServer } from "../api/grpc/tgis/server.js";
import { ConformanceClient } from "./client.js";
import { casesOf, inRandomOrder, readTgisRows, type Row } from "./rows.js";
import { tgisMessages } from "./tgis-fields.js";
import { judge } from "./verdict.js";
import type { Json } from "./wire.js";

const rows = readTgisRows();
const cases = casesOf(rows);

let server: TgisEngineServer;
let client: ConformanceClient;
beforeAll(async () => {
  server = await startTgisEngine();
  client = new ConformanceClient(`127.0.0.1:${server.port}`);
});
afterAll(async () => {
  client.close();
  await server.stop();
});

describe("alone", () => {
  test.each(cases)("$name", async (each) => {
    expect(await judge(client, each)).toEqual([]);
  });
});

test.each([1, 2, 3])("all at once, in random order %d, have the same answers", async (seed) => {
  const judged = inRandomOrder(cases, seed).map(async (each) => [each.name, await judge(client, each)] as const);
  const wrong = (await Promise.all(judged)).filter(([, differences]) => differences.length > 0);
  expect(wrong).toEqual([]);
});

describe("the table", () => {
  test("names each row once", () => {
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  });

  test("uses every field of every request", () => {
    expect(missing(["Parameters", "SamplingParameters", "StoppingCriteria", "ResponseOptions"])).toEqual([]);
    expect(missing(["DecodingParameters", "LengthPenalty", "BatchedGenerationRequest"])).toEqual([]);
    expect(missing(["BatchedTokenizeRequest", "ModelInfoRequest"])).toEqual([]);
  });

  test("has every stop reason that a client can meet", () => {
    const met = rows.flatMap(({ response }) =>
      ((response?.["responses"] ?? []) as Json[]).map((r) => r["stop_reason"]),
    );
    expect(met).toEqual(
      expect.arrayContaining(["MAX_TOKENS", "EOS_TOKEN", "TIME_LIMIT", "STOP_SEQUENCE", "TOKEN_LIMIT"]),
    );
  });
});

/** Fields of these messages that no row's request has. */
function missing(types: readonly string[]): string[] {
  const used = new Set(rows.flatMap(({ request }: Row) => namesIn(request)));
  return types.flatMap((type) => Object.keys(tgisMessages[type] ?? {})).filter((name) => !used.has(name));
}

function namesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => [name, ...namesIn(each)]);
}
