/** A batching engine over a scripted runner and a clock that the test turns. */
import { BatchingEngine } from "../../src/engine/batching-engine.js";
import type { GenerationEvent, UncheckedRequest } from "../../src/engine/request.js";
import type { SchedulerLimits } from "../../src/engine/scheduler.js";
import type { Tokenizer } from "../../src/model/index.js";
import { alphabet, idsOf, ScriptedRunner, textOf, vocabularySize, type Script } from "./scripted-runner.js";

export interface BatchingOptions extends Partial<SchedulerLimits> {
  readonly script?: Script;
  /** Each a token that ends a text; none of them has text of its own. */
  readonly ends?: string;
  readonly maxSequenceLength?: number;
  readonly tokenizer?: Partial<Tokenizer>;
  readonly isSpeculating?: boolean;
  readonly decodeSlowdown?: number;
  readonly isRunningAhead?: boolean;
  readonly joinedPromptTokens?: number;
  readonly isTellingBetweenSteps?: boolean;
}

export interface Batching {
  readonly engine: BatchingEngine;
  readonly runner: ScriptedRunner;
  readonly clock: { ms: number };
  /** What the engine reported. */
  readonly failures: unknown[];
  /** Asks for greedy text and listens to the end. */
  readonly ask: (prompt: string, fields?: Partial<UncheckedRequest>, signal?: AbortSignal) => Answer;
}

/** What one caller has heard so far. */
export interface Answer {
  /** As `show` writes them. */
  readonly events: string[];
  /** The error that ended it; undefined when it ended well. */
  readonly end: Promise<unknown>;
}

export function startBatching(options: BatchingOptions = {}): Batching {
  const {
    script = alphabet,
    ends = "$",
    maxSequenceLength = 64,
    tokenizer,
    isSpeculating = false,
    decodeSlowdown = Infinity,
    isRunningAhead = false,
    joinedPromptTokens = 0,
    isTellingBetweenSteps = false,
    ...limits
  } = options;
  const scheduling: SchedulerLimits = {
    prefillChunkTokens: 8,
    maxSequences: 100,
    slots: 4,
    prefixCacheTokens: 0,
    reusablePositions: "prefilled",
    ...limits,
  };
  const runner = new ScriptedRunner(scheduling.slots, script);
  const clock = { ms: 0 };
  const failures: unknown[] = [];
  const engine = new BatchingEngine({
    runner,
    tokenizer: { ...characterTokenizer(ends), ...tokenizer },
    eosTokenIds: idsOf(ends),
    limits: { maxSequenceLength, maxNewTokens: 64, vocabularySize, includeStopSequenceByDefault: true },
    scheduling,
    joinedPromptTokens,
    isTellingBetweenSteps,
    decodeSlowdown,
    isSpeculating,
    isRunningAhead,
    now: () => clock.ms,
    drawSeed: () => 7n,
    onFailure: (error) => failures.push(error),
  });
  const ask: Batching["ask"] = (prompt, fields, signal = new AbortController().signal) =>
    listen(engine.generate({ prompt, method: "greedy", ...fields }, signal));
  return { engine, runner, clock, failures, ask };
}

/** The same, every run held: the test lets each finish. */
export function startHeld(options?: BatchingOptions): Batching {
  const batching = startBatching(options);
  batching.runner.hold();
  return batching;
}

function characterTokenizer(ends: string): Tokenizer {
  return {
    vocabularySize,
    specialTokenIds: new Set(idsOf(ends)),
    beginOfTextId: undefined,
    encode: idsOf,
    bytesOf: (id) => Buffer.from(ends.includes(textOf([id])) ? "" : textOf([id])),
    pieceOf: (id) => textOf([id]),
  };
}

function listen(generated: AsyncIterable<GenerationEvent>): Answer {
  const events: string[] = [];
  const listening = async (): Promise<undefined> => {
    for await (const event of generated) events.push(show(event));
  };
  return { events, end: listening().catch((error: unknown) => error) };
}

/** `started 2 ab` (with the prompt's text where it is told), `prompt a b`, `"cd" 4 [d] stop-sequence cd`: text, tokens so far, tokens listed, why it ended. */
export function show(event: GenerationEvent): string {
  if (event.type === "started") return `started ${event.promptTokens} ${event.text}`.trim();
  const pieces = event.tokens.map(({ piece }) => piece);
  if (event.type === "prompt") return ["prompt", ...pieces].join(" ");
  const { text, completionTokens, stop } = event;
  const listed = pieces.length > 0 ? [`[${pieces.join(" ")}]`] : [];
  const reason = stop === undefined ? [] : [stop.reason, stop.sequence ?? ""];
  return [JSON.stringify(text), completionTokens, ...listed, ...reason].join(" ").trim();
}
