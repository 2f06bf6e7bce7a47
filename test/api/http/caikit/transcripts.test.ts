/**
 * The recorded HTTP exchanges of an original runtime, replayed against ours over the same checkpoint: once as they were
 * recorded, one at a time, and then all generations at once. Batching must not change an answer.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture } from "../../../support/checkpoints.js";
import { startEngineRest, startRest, type EngineRestServer, type HttpAnswer } from "../../../support/http.js";
import { Random } from "../../../support/random.js";
import { everythingOff, startSwitchedEngine } from "../../../support/switches.js";
import { expectAsRecorded, masked } from "./transcript-rules.js";
import { callOf, readRestRows, type RestRow } from "./transcripts.js";

/** Requests that the original refuses for their content type, and this server reads as JSON. */
const takenAsJson = [
  "content type charset / REST",
  "content type charset / SSE",
  "content type upper case / REST",
  "content type upper case / SSE",
  "content type missing / REST",
  "content type missing / SSE",
];

const rows = readRestRows();
const asRecorded = rows.filter(({ name }) => !takenAsJson.includes(name));
const relaxed = rows.filter(({ name }) => takenAsJson.includes(name));
const generations = asRecorded.filter(
  ({ request, response }) => request.path.startsWith("/api/v1/task/") && response.status === 200,
);

/** With which the original was recorded. */
const limits = { maxSequenceLength: 96, maxNewTokens: 64 };

let server: EngineRestServer;
/** Each answer by its row's name. */
type Answers = ReadonlyMap<string, HttpAnswer>;
let alone: Answers;
let crowded: Answers;
/** Sequences that ran together, as seen whenever an answer came in. */
let mostRunning = 0;
beforeAll(async () => {
  server = await startEngineRest();
  alone = await replayInOrder();
  crowded = await replayAtOnce(20);
});
afterAll(() => server.stop());

async function replayInOrder(): Promise<Answers> {
  const answers = new Map<string, HttpAnswer>();
  for (const row of rows) answers.set(row.name, await server.call(callOf(row)));
  return answers;
}

async function replayAtOnce(seed: number): Promise<Answers> {
  const inOrder = [...generations];
  const random = new Random(seed);
  const shuffled = generations.map(() => inOrder.splice(random.integer(0, inOrder.length), 1)).flat();
  const replayed = shuffled.map(async (row) => {
    const answer = await server.call(callOf(row));
    mostRunning = Math.max(mostRunning, server.engine.counts.running);
    return [row.name, answer] as const;
  });
  return new Map(await Promise.all(replayed));
}

function answerTo({ name }: RestRow, answers: Answers): HttpAnswer {
  const answer = answers.get(name);
  if (answer === undefined) throw new Error(`${name} was not replayed`);
  return answer;
}

/** Rows with their names in front, for the names of the tests. */
const named = (selected: readonly RestRow[]): [string, RestRow][] => selected.map((row) => [row.name, row]);

test("the recording has 446 exchanges over HTTP, each with its own name", () => {
  const names = new Set(rows.map(({ name }) => name));
  expect([rows.length, names.size, asRecorded.length, relaxed.length]).toEqual([446, 446, 440, 6]);
  expect(relaxed.every(({ relaxation }) => relaxation !== undefined)).toBe(true);
});

describe("one at a time, in the recorded order", () => {
  test.each(named(asRecorded))("%s", (_, row) => expectAsRecorded(row, answerTo(row, alone)));
});

test.each(named(relaxed))("%s: answered as if the type were application/json", async (_, row) => {
  const headers = { "content-type": "application/json" };
  const { status, body } = answerTo(row, alone);
  expect(status).toBe(200);
  expect(body).toBe((await server.call({ ...callOf(row), headers })).body);
});

describe("all generations and tokenizations at once, in random order", () => {
  test("they do run together", () => expect(mostRunning).toBeGreaterThan(1));

  test.each(named(generations))("%s", (_, row) => expectAsRecorded(row, answerTo(row, crowded)));

  const repeatable = generations.filter(
    ({ compare, masked: fields = [] }) => compare !== "time-limit" && !fields.includes("seed"),
  );
  test.each(named(repeatable))("%s: the same text as alone", (_, row) => {
    expect(masked(answerTo(row, crowded).body)).toBe(masked(answerTo(row, alone).body));
  });
});

test("every header name is in lower case on the wire", () => {
  const names = [...alone.values()].flatMap(({ headerNames }) => headerNames);
  expect(names.filter((name) => name !== name.toLowerCase())).toEqual([]);
});

test("with every optimisation off each is answered as recorded, too", async () => {
  using plain = await startSwitchedEngine(fixture("micro-gpt2"), { ...everythingOff, ...limits });
  const rest = await startRest(plain.engine);
  try {
    for (const row of asRecorded) expectAsRecorded(row, await rest.call(callOf(row)));
  } finally {
    rest.forceStop();
    await plain.engine.drain(0); // a call that was cut off may still be in a step
  }
});
