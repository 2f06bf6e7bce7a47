/** What completions and chat share: the engine is asked, and the answer goes out whole or in parts. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { GenerationEvent, UncheckedRequest } from "../../../engine/request.js";
import { foldEvents, type Generation } from "../../fold.js";
import { GenerationGroup } from "../../generation-group.js";
import type { TextEngine } from "../../text-engine.js";
import { abortSignalOf } from "../api.js";
import { callerOf } from "../caller.js";
import { begun, merged, sendEvents } from "../stream-answer.js";
import { toOpenAiError, type FieldNames } from "./errors.js";
import type { OpenAiOptions } from "./models.js";
import { usageOf, type AnswerHead } from "./results.js";

/** One choice as it comes. */
export interface ChoiceParts {
  readonly promptTokens: number;
  readonly completionTokens: number;
  parts(): AsyncIterable<unknown>;
}

export interface Answering<Answer> {
  /** One for each choice. */
  readonly requests: readonly UncheckedRequest[];
  readonly toAnswer: (generations: readonly Generation[]) => Answer;
  /** What the client calls the fields that the engine refuses. */
  readonly fieldNames: FieldNames;
  /** How the parts are told; undefined when the answer is to be whole. */
  readonly stream: StreamAnswering | undefined;
}

export interface StreamAnswering {
  /** What every part begins with. */
  readonly head: AnswerHead;
  readonly withUsage: boolean;
  /** Choices that share a prompt, which counts once. */
  readonly samples: number;
  readonly toParts: (events: AsyncIterable<GenerationEvent>, index: number) => ChoiceParts;
}

/** @returns undefined when the answer went out as a stream. */
export async function answerWith<Answer>(
  { requests, toAnswer, fieldNames, stream }: Answering<Answer>,
  engine: TextEngine,
  { log }: Pick<OpenAiOptions, "log">,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Answer | undefined> {
  const caller = callerOf(request, stream === undefined ? "single" : "stream");
  const group = new GenerationGroup(engine, requests, abortSignalOf(request), caller);
  if (stream === undefined) {
    return group.run(async (generations) => toAnswer(await Promise.all(generations.map(foldEvents))));
  }
  const begunParts = await group.run(async (generations) => Promise.all(generations.map(begun)));
  const toEvent = (error: unknown): string =>
    eventOf(toOpenAiError(error, request.url, log, fieldNames).body) + endOfEvents;
  await sendEvents(reply, group.follow(eventsOf(begunParts, stream)), toEvent);
  return undefined;
}

async function* eventsOf(
  generations: readonly AsyncIterable<GenerationEvent>[],
  { head, withUsage, samples, toParts }: StreamAnswering,
): AsyncGenerator<string> {
  const choices = generations.map(toParts);
  const frame = withUsage ? { ...head, usage: null } : head;
  for await (const part of merged(choices.map((choice) => choice.parts())))
    yield eventOf({ ...frame, choices: [part] });
  if (withUsage) yield eventOf({ ...head, choices: [], usage: usageOf(choices, samples) });
  yield endOfEvents;
}

const eventOf = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

const endOfEvents = "data: [DONE]\n\n";
