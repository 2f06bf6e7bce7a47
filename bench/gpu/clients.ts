/** The whole server on a device, and what streaming gRPC clients in other processes get from it. */
import type { Tokenizer } from "../../src/model/index.js";
import { steadyRate } from "../engine/arrivals.js";
import { GrpcStreams } from "../engine/grpc.js";
import { makePrompts, type Prompt } from "../engine/prompts.js";
import type { Run } from "../engine/variant.js";
import { HarnessError } from "../errors.js";
import { ServerProcess } from "../server-process.js";
import type { GpuScenario } from "./scenario.js";

export interface ClientRate {
  readonly tokensPerSecond: number;
  readonly clients: number;
  readonly processes: number;
  /** CPU time over elapsed time of the clients' busiest process. */
  readonly clientCpuShare: number;
  /** Whether that is so much that the clients, and not the server, may be what limits. */
  readonly isClientBound: boolean;
}

/** Of one CPU: one event loop cannot do more than a whole, and is late before that. */
const mostCpuShare = 0.75;

/**
 * A connection for each client; the round in the middle, after one in which they connect.
 * @param signal ends it, with the server.
 * @throws {HarnessError} when a client does not get its tokens.
 */
export async function measureClients(
  args: readonly string[],
  tokenizer: Tokenizer,
  { clients: { count, processes, promptTokens, newTokens }, rounds }: Pick<GpuScenario, "clients" | "rounds">,
  signal: AbortSignal,
): Promise<ClientRate> {
  await using server = await ServerProcess.start({ args, signal });
  const groups = spread(makePrompts(tokenizer, count, promptTokens), processes).map((prompts) => ({
    prompts,
    calls: new GrpcStreams(server.port),
  }));
  try {
    await runAll(groups, newTokens);
    const all: ClientRate[] = [];
    for (let round = 0; round < rounds; round += 1) all.push(await runAll(groups, newTokens));
    return middleOf(all);
  } finally {
    await Promise.all(groups.map(async ({ calls }) => calls[Symbol.asyncDispose]()));
  }
}

interface Group {
  readonly prompts: readonly Prompt[];
  readonly calls: GrpcStreams;
}

async function runAll(groups: readonly Group[], newTokens: number): Promise<ClientRate> {
  return combine(await Promise.all(groups.map(async ({ prompts, calls }) => calls.run({ prompts, newTokens }))));
}

/**
 * @param runs of one round, a process each. Each has a clock of its own, which begins with the round: within a
 * millisecond of each other, once they are connected.
 * @throws {HarnessError} when the clients never had tokens all together.
 */
export function combine(runs: readonly Run[]): ClientRate {
  const arrivals = runs.flatMap((run) => run.arrivals);
  const tokensPerSecond = steadyRate(arrivals);
  if (tokensPerSecond === undefined) throw new HarnessError("the clients never had tokens all together");
  const clientCpuShare = Math.max(...runs.map((run) => run.clientCpuShare ?? 0));
  const isClientBound = clientCpuShare > mostCpuShare;
  return { tokensPerSecond, clients: arrivals.length, processes: runs.length, clientCpuShare, isClientBound };
}

/** @throws {HarnessError} when there is none. */
export function middleOf(rounds: readonly ClientRate[]): ClientRate {
  const ascending = [...rounds].sort((one, other) => one.tokensPerSecond - other.tokensPerSecond);
  const middle = ascending[Math.floor(ascending.length / 2)];
  if (middle === undefined) throw new HarnessError("no round was measured");
  return middle;
}

/** In turn, so that no group has two more than another. */
function spread<T>(items: readonly T[], groups: number): T[][] {
  return Array.from({ length: groups }, (_, group) => items.filter((_item, index) => index % groups === group));
}
