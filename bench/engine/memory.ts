import { ServerProcess, type ResidentMemory } from "../server-process.js";
import { GrpcStreams } from "./grpc.js";
import { modelFacts } from "./model-facts.js";
import type { Prompt } from "./prompts.js";

export interface MemoryRow {
  readonly model: string;
  readonly weightBytes: number;
  /** Keys and values that the run below left in the cache. */
  readonly kvBytes: number;
  readonly afterLoad: ResidentMemory | undefined;
  /** After one run of all sequences at once, which keeps its pages of the cache. */
  readonly afterRun: ResidentMemory | undefined;
}

/** Resident memory of a fresh server before and after one run. */
export async function measureMemory(
  name: string,
  folder: string,
  serverArgs: readonly string[],
  prompts: readonly Prompt[],
  newTokens: number,
): Promise<MemoryRow> {
  const { weightBytes, kvBytesPerToken } = await modelFacts(folder);
  await using server = await ServerProcess.start({ args: serverArgs });
  await using streams = new GrpcStreams(server.port);
  const afterLoad = server.memory();
  await streams.run({ prompts, newTokens });
  const cachedTokens = prompts.reduce((sum, { tokenIds }) => sum + tokenIds.length + newTokens - 1, 0);
  return { model: name, weightBytes, kvBytes: cachedTokens * kvBytesPerToken, afterLoad, afterRun: server.memory() };
}
