/** From nothing to the first token: fresh processes of the real server, in interleaved rounds. */
import { firstTokenMs } from "../engine/arrivals.js";
import { GrpcStreams } from "../engine/grpc.js";
import { ServerProcess } from "../server-process.js";
import { summarize, type Summary } from "../stats.js";
import type { Start, Way } from "./ways.js";

export interface StartRow extends Way {
  readonly model: string;
  /** From before the process was spawned to its ready line. */
  readonly readyMs: Summary | undefined;
  /** The same, and from asking to the first token of a prompt. */
  readonly firstTokenMs: Summary | undefined;
}

interface Times {
  readonly readyMs: number;
  readonly firstTokenMs: number;
}

/** More than one, so that decoding goes on behind the first, as with a real request. */
const newTokens = 4;

/**
 * Round 0 is not counted: it fills the caches, those of the system too.
 *
 * @param env further variables of the server: how to reach the store.
 * @throws {HarnessError} when a server does not give its tokens.
 */
export async function measureStarts(
  starts: readonly Start[],
  rounds: number,
  env: Readonly<Record<string, string>>,
  progress: (text: string) => void,
): Promise<StartRow[]> {
  const measured = starts.map((start) => ({ start, times: [] as Times[] }));
  for (let round = 0; round <= rounds; round += 1) {
    progress(round === 0 ? "filling caches" : `round ${round} of ${rounds}`);
    const first = round % measured.length;
    for (const { start, times } of [...measured.slice(first), ...measured.slice(0, first)]) {
      const taken = await startOnce(start, env);
      if (round > 0) times.push(taken);
    }
  }
  return measured.map(toRow);
}

/** The client connects between the ready line and the question; that is not in the sum. */
async function startOnce({ args, model, prepare }: Start, env: Readonly<Record<string, string>>): Promise<Times> {
  await prepare();
  await using server = await ServerProcess.start({ args, env });
  await using streams = new GrpcStreams(server.port);
  const { arrivals } = await streams.run({ prompts: [model.prompt], newTokens });
  return { readyMs: server.wallMs, firstTokenMs: server.wallMs + firstTokenMs(arrivals) };
}

function toRow({ start, times }: { readonly start: Start; readonly times: readonly Times[] }): StartRow {
  const { model, source, precision, caches } = start;
  return {
    ...{ model: model.name, source, precision, caches },
    readyMs: summarize(times.map(({ readyMs }) => readyMs)),
    firstTokenMs: summarize(times.map(({ firstTokenMs }) => firstTokenMs)),
  };
}
