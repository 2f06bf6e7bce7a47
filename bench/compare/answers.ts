/** Two servers side by side on the requests of a load test's scenario, where what they answer must be the same. */
import { loadOrtLibrary } from "../../src/ort/index.js";
import { UsageError } from "../errors.js";
import { cutText } from "../load/scenario/passages.js";
import { RequestSource, type LoadRequest } from "../load/scenario/requests.js";
import type { Scenario, Traffic } from "../load/scenario/scenario.js";
import { wordsOf } from "../load/scenario/words.js";
import { connectTarget } from "../load/targets/connect.js";
import type { Target } from "../load/targets/target.js";
import { readExposition } from "../load/server/exposition.js";
import { metricsAt } from "../load/server/sampler.js";
import { describeMachine, type MachineFacts } from "../machine.js";
import { ServerProcess } from "../server-process.js";
import { ask, figuresOf, type Answer } from "./ask.js";
import { nameOf, type Contender, type Contenders } from "./measure.js";
import { runRounds, type CompareRow, type Figures, type Side } from "./rounds.js";

/** Tokens that a server guessed (prompt lookup) since it began, and how many of them were right. */
export interface Guesses {
  readonly drafted: number;
  readonly accepted: number;
}

export interface AnswersReport {
  readonly command: "compare";
  readonly machine: MachineFacts;
  /** Of the load test. */
  readonly scenario: string;
  readonly model: string;
  readonly rounds: number;
  readonly base: string;
  readonly head: string;
  readonly rows: readonly CompareRow[];
  readonly guesses: Readonly<Record<Side, Guesses>>;
  /** Answers of the one that the other did not give. */
  readonly differentAnswers: number;
}

export interface AnswersOptions {
  readonly scenario: Scenario;
  /** Folder of the checkpoint. */
  readonly model: string;
  readonly rounds: number;
}

const seed = 1;

/**
 * Asks what the first clients of the scenario's first traffic ask, one turn a round.
 * @throws {UsageError} for a scenario whose first traffic has no clients.
 * @throws {TargetError} when a server does not answer.
 */
export async function compareAnswers(
  { base, head }: Contenders,
  { scenario, model, rounds }: AnswersOptions,
  progress: (text: string) => void,
): Promise<AnswersReport> {
  const requestsOf = await turnsOf(scenario, model);
  const machine = describeMachine(loadOrtLibrary().version);
  await using baseServer = await start(base, model);
  await using headServer = await start(head, model);
  const texts: Record<Side, string[]> = { base: [], head: [] };
  const count = requestsOf(0).length;
  using baseClients = await Clients.connect(baseServer, count);
  using headClients = await Clients.connect(headServer, count);
  const clients = { base: baseClients, head: headClients };
  const trial = async (side: Side, round: number): Promise<Figures> => {
    const answers = await clients[side].ask(requestsOf(round));
    texts[side].push(...answers.map(({ text }) => text));
    return figuresOf(answers);
  };
  const rows = await runRounds([trial], rounds, progress);
  return {
    ...{ command: "compare", machine, scenario: scenario.name, model, rounds, base: nameOf(base), head: nameOf(head) },
    rows,
    guesses: { base: await guessesOf(baseServer), head: await guessesOf(headServer) },
    differentAnswers: texts.base.filter((text, index) => text !== texts.head[index]).length,
  };
}

/** The requests of each round. */
async function turnsOf({ traffic: [first] }: Scenario, model: string): Promise<(round: number) => LoadRequest[]> {
  const clients = clientsOf(first);
  if (first === undefined || clients === undefined)
    throw new UsageError("compare asks what clients ask one after the other: the scenario must begin with such");
  const { words, countTokens } = await wordsOf(model);
  const text = first.passages && cutText(first.passages, countTokens);
  const source = new RequestSource(first, words, seed, 0, text);
  return (round) => Array.from({ length: clients }, (_, client) => source.request(client, round));
}

const clientsOf = (traffic: Traffic | undefined): number | undefined =>
  traffic?.arrival.kind === "closed" ? traffic.arrival.clients : undefined;

async function start({ build, args }: Contender, model: string): Promise<ServerProcess> {
  const all = [`--model=${model}`, "--request-timeout-seconds=0", ...args];
  return ServerProcess.start({ args: all, programs: build.programs });
}

/** A connection for each client, kept over the rounds: the one that does not count opens them. */
class Clients implements Disposable {
  private constructor(private readonly targets: readonly Target[]) {}

  static async connect({ ports, modelId }: ServerProcess, count: number): Promise<Clients> {
    const address = `127.0.0.1:${ports.tgis}`;
    const options = { api: "tgis", address, tls: undefined, apiKey: undefined, modelId } as const;
    return new Clients(await Promise.all(Array.from({ length: count }, async () => connectTarget(options))));
  }

  /** All at once, a request for each. */
  async ask(requests: readonly LoadRequest[]): Promise<Answer[]> {
    return Promise.all(
      this.targets.flatMap((target, client) => {
        const request = requests[client];
        return request === undefined ? [] : [ask(target, request)];
      }),
    );
  }

  [Symbol.dispose](): void {
    for (const target of this.targets) target.close();
  }
}

async function guessesOf({ ports }: ServerProcess): Promise<Guesses> {
  const metrics = readExposition(await metricsAt(`http://127.0.0.1:${ports.health}/metrics`)());
  const count = (name: string): number => metrics.get(name) ?? 0; // a build that does not guess has none
  return {
    drafted: count("ortler_draft_tokens_total"),
    accepted: count("ortler_draft_tokens_accepted_total"),
  };
}
