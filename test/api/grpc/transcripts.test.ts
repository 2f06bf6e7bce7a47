/**
 * The recorded calls of an original runtime, replayed against ours over the same checkpoint: once as they were
 * recorded, one at a time, and then all generations at once. Batching must not change an answer.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture } from "../../support/checkpoints.js";
import {
  finish,
  nextMessage,
  startCaikit,
  startTestServer,
  type EngineServer,
  type RawAnswer,
  type RawClient,
} from "../../support/grpc.js";
import { Random } from "../../support/random.js";
import { everythingOff, startSwitchedEngine } from "../../support/switches.js";
import { expectAsRecorded, generatedTokens, isRepeatable } from "./transcript-rules.js";
import { readRows, type Row } from "./transcripts.js";

const rows = readRows();
const generations = rows.filter(({ api }) => api !== "grpc-info");
const timeLimited = rows.filter(({ compare }) => compare === "time-limit");

/** With which the original was recorded. */
const limits = { maxSequenceLength: 96, maxNewTokens: 64 };

let server: EngineServer;
beforeAll(async () => {
  server = await startTestServer(fixture("micro-gpt2"), limits);
});
afterAll(() => server.stop());

async function replay(
  { request, first_messages_only: onlyFirst }: Row,
  client: RawClient = server.client,
): Promise<RawAnswer> {
  const bytes = Buffer.from(request.bytes, "hex");
  if (request.method.includes("ServerReflection")) return client.callMany(request.method, [bytes]);
  if (onlyFirst === undefined) return client.call(request.method, bytes, request.metadata);
  const call = client.start(request.method, bytes, request.metadata);
  const first = await nextMessage(call);
  call.cancel();
  return { ...(await finish(call)), messages: [first] };
}

/** Each answer by its row's name. */
type Answers = ReadonlyMap<string, RawAnswer>;

async function replayInOrder(): Promise<Answers> {
  const answers = new Map<string, RawAnswer>();
  for (const row of rows) answers.set(row.name, await replay(row));
  return answers;
}

async function replayAtOnce(seed: number): Promise<Answers> {
  const inOrder = [...generations];
  const random = new Random(seed);
  const shuffled = generations.map(() => inOrder.splice(random.integer(0, inOrder.length), 1)).flat();
  const replayed = shuffled.map(async (row) => {
    const answer = await replay(row);
    mostRunning = Math.max(mostRunning, server.engine.counts.running);
    return [row.name, answer] as const;
  });
  return new Map(await Promise.all(replayed));
}

let alone: Answers;
let crowded: Answers;
/** Sequences that ran together, as seen whenever an answer came in. */
let mostRunning = 0;
beforeAll(async () => {
  alone = await replayInOrder();
  crowded = await replayAtOnce(20);
});

function answerTo({ name }: Row, answers: Answers): RawAnswer {
  const answer = answers.get(name);
  if (answer === undefined) throw new Error(`${name} was not replayed`);
  return answer;
}

/** Rows with their names in front, for the names of the tests. */
const named = (selected: readonly Row[]): [string, Row][] => selected.map((row) => [row.name, row]);

test("the recording has 276 calls of gRPC, 259 of them generations and tokenizations, each with its own name", () => {
  expect([rows.length, generations.length, new Set(rows.map(({ name }) => name)).size]).toEqual([276, 259, 276]);
});

describe("one at a time, in the recorded order", () => {
  test.each(named(rows))("%s", (_, row) => expectAsRecorded(row, answerTo(row, alone)));

  test.each(named(timeLimited))("%s: has at least one token", (_, row) => {
    expect(generatedTokens(row, answerTo(row, alone))).toBeGreaterThanOrEqual(1);
  });
});

describe("all generations at once, in random order", () => {
  test("they do run together", () => expect(mostRunning).toBeGreaterThan(1));

  test.each(named(generations))("%s", (_, row) => expectAsRecorded(row, answerTo(row, crowded)));

  test.each(named(generations.filter(isRepeatable)))("%s: the same bytes as alone", (_, row) => {
    expect(answerTo(row, crowded)).toEqual(answerTo(row, alone));
  });
});

test("with every optimisation off each is answered as recorded, too", async () => {
  using plain = await startSwitchedEngine(fixture("micro-gpt2"), { ...everythingOff, ...limits });
  const caikit = await startCaikit(plain.engine);
  try {
    for (const row of rows) expectAsRecorded(row, await replay(row, caikit.client));
  } finally {
    caikit.stop();
    await plain.engine.drain(0); // a call whose client went away may still be in a step
  }
});
