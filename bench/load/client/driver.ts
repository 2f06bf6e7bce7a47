/** Sends the requests of one process's part of a phase. */
import { setTimeout as delay } from "node:timers/promises";
import { dueTimes, type OpenArrival } from "../scenario/arrivals.js";
import { RequestSource } from "../scenario/requests.js";
import { connectTarget } from "../targets/connect.js";
import type { Target } from "../targets/target.js";
import type { ClientTask, RequestRecord } from "./messages.js";
import { recordRequest, type Clock, type PulseCounter } from "./recording.js";

/** Connections of an open loop, whose requests take turns on them. */
const openConnections = 16;

/** A client that was refused waits so long before its next request, as one that retries would. */
const refusedMs = 100;

/** One traffic of a task, as it is sent. */
interface Sending {
  readonly task: ClientTask;
  readonly traffic: number;
  readonly source: RequestSource;
  readonly clock: Clock;
  readonly counter: PulseCounter;
  readonly records: RequestRecord[];
}

/** @returns what became of every request, once all are answered or have failed. */
export async function driveTask(task: ClientTask, clock: Clock, counter: PulseCounter): Promise<RequestRecord[]> {
  const records: RequestRecord[] = [];
  await Promise.all(
    task.traffic.map(async (each, traffic) => {
      const source = new RequestSource(each, task.words, task.seed, traffic, task.texts[traffic]);
      const sending = { task, traffic, source, clock, counter, records };
      await (each.arrival.kind === "closed"
        ? driveClients(sending, each.arrival.clients)
        : driveOpen(sending, each.arrival));
    }),
  );
  await untilMs(endMs(task), clock); // also when nothing more was due: the server is watched for the whole time
  return records;
}

const endMs = ({ warmUpMs, measuredMs }: ClientTask): number => warmUpMs + measuredMs;

async function driveClients(sending: Sending, clients: number): Promise<void> {
  const { index, count } = sending.task.part;
  const own = Array.from({ length: clients }, (_, client) => client).filter((client) => client % count === index);
  await Promise.all(own.map(async (client) => driveClient(sending, client)));
}

/** Each client has a connection of its own. */
async function driveClient(sending: Sending, client: number): Promise<void> {
  const { task, clock } = sending;
  const target = await connectTarget(task.target);
  try {
    await untilMs(0, clock);
    for (let turn = 0; clock() < endMs(task); turn += 1) {
      const isAnswered = await ask(sending, target, client, turn, clock());
      if (!isAnswered) await delay(refusedMs);
    }
  } finally {
    target.close();
  }
}

async function driveOpen(sending: Sending, arrival: OpenArrival): Promise<void> {
  const { task, source, clock } = sending;
  const times = dueTimes(arrival, endMs(task), source.dueRandom());
  const count = Math.min(openConnections, times.length);
  const targets = await Promise.all(Array.from({ length: count }, async () => connectTarget(task.target)));
  const underWay: Promise<boolean>[] = [];
  for (const [turn, dueMs] of times.entries()) {
    const target = targets[turn % count];
    if (target === undefined || turn % task.part.count !== task.part.index) continue;
    await untilMs(dueMs, clock);
    underWay.push(ask(sending, target, 0, turn, dueMs));
  }
  await Promise.all(underWay);
  for (const target of targets) target.close();
}

async function ask(sending: Sending, target: Target, client: number, turn: number, dueMs: number): Promise<boolean> {
  const { task, traffic, source, clock, counter, records } = sending;
  const request = source.request(client, turn);
  const asking = { target, request, traffic, dueMs, timeoutMs: task.timeoutMs };
  const record = await recordRequest(asking, clock, counter);
  records.push(record);
  return record.errorCode === undefined;
}

async function untilMs(ms: number, clock: Clock): Promise<void> {
  const left = ms - clock();
  if (left > 0) await delay(left);
}
