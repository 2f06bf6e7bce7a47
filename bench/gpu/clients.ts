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
 * A connection for each client; the best of the rounds, after one in which they connect.
 * @throws {HarnessError} when a client does not get its tokens.
 */
export async function measureClients(
  args: readonly string[],
  tokenizer: Tokenizer,
  { clients: { count, processes, promptTokens, newTokens }, rounds }: Pick<GpuScenario, "clients" | "rounds">,
): Promise<ClientRate> {
  await using server = await ServerProcess.start({ args });
  const groups = spread(makePrompts(tokenizer, count, promptTokens), processes).map((prompts) => ({
    prompts,
    calls: new GrpcStreams(server.port),
  }));
  try {
    await runAll(groups, newTokens);
    let best = await runAll(groups, newTokens);
    for (let round = 1; round < rounds; round += 1) best = faster(best, await runAll(groups, newTokens));
    return best;
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

const faster = (one: ClientRate, other: ClientRate): ClientRate =>
  one.tokensPerSecond >= other.tokensPerSecond ? one : other;

/** In turn, so that no group has two more than another. */
function spread<T>(items: readonly T[], groups: number): T[][] {
  return Array.from({ length: groups }, (_, group) => items.filter((_item, index) => index % groups === group));
}
