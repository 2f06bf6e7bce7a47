/** Our own server as a contestant: streaming clients in one process, the server in another. */
import { settings } from "../../src/config/settings.js";
import { GrpcStreams } from "../engine/grpc.js";
import { modelFacts } from "../engine/model-facts.js";
import { ServerProcess } from "../server-process.js";
import type { Contestant, PrecisionClass, RunningContestant } from "./contestant.js";
import { mostSequences, type PeerScenario } from "./scenario.js";

const precisions: readonly (readonly [precision: string, precisionClass: PrecisionClass])[] = [
  ["float32", "float32"],
  ["int8", "reduced"],
];

/** Contestants of the precisions that this build of the server has. */
export function ourContestants(folder: string, scenario: PeerScenario): Contestant[] {
  return precisions
    .filter(([precision]) => precision === "float32" || "dtype" in settings)
    .map(([precision, precisionClass]) => ({
      ...{ peer: "ortler", precision, precisionClass },
      settings: "gRPC streams from another process, no guessed tokens",
      prepare: async () => Promise.resolve(),
      start: async () => startServer(folder, precision, scenario),
    }));
}

async function startServer(folder: string, precision: string, scenario: PeerScenario): Promise<RunningContestant> {
  const server = await ServerProcess.start({ args: await serverArgs(folder, precision, scenario) });
  const streams = new GrpcStreams(server.port);
  return {
    version: "as built",
    readyMs: server.wallMs,
    run: async (prompts, newTokens) => streams.run({ prompts, newTokens }),
    residentBytes: () => server.memory()?.total,
    [Symbol.asyncDispose]: async () => {
      await streams[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/**
 * The defaults, with a slot for each sequence whatever the machine's memory. Without guesses: a model with random weights
 * repeats itself, so that nearly all of them are right, and one sequence seems several times as fast.
 */
async function serverArgs(folder: string, precision: string, scenario: PeerScenario): Promise<string[]> {
  const { kvBytesPerToken, positions } = await modelFacts(folder);
  const slots = mostSequences(scenario);
  return [
    ...[`--model=${folder}`, `--threads=${scenario.threads}`, `--max-slots=${slots}`],
    ...[`--kv-memory=${slots * positions * kvBytesPerToken}`, "--request-timeout-seconds=0"],
    "--no-prompt-lookup",
    ...("dtype" in settings ? [`--dtype=${precision}`] : []),
  ];
}
