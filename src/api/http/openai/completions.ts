import type { FastifyReply, FastifyRequest } from "fastify";
import type { GenerationEvent } from "../../../engine/request.js";
import { foldEvents } from "../../fold.js";
import { abortSignalOf } from "../api.js";
import { callerOf } from "../caller.js";
import { GenerationGroup } from "../../generation-group.js";
import { begun, merged, sendEvents } from "../stream-answer.js";
import { readCompletionBody, type CompletionBody } from "./completion-body.js";
import { toEngineRequests } from "./engine-requests.js";
import { toOpenAiError } from "./errors.js";
import { checkModel, type OpenAiOptions } from "./models.js";
import { answerHead, ChoiceStream, toChoice, usageOf, type AnswerHead, type Completion } from "./results.js";

type Generations = readonly AsyncIterable<GenerationEvent>[];

/** POST `/completions`. */
export async function complete(
  options: OpenAiOptions,
  fingerprint: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Completion | undefined> {
  const { engine, model, log } = options;
  const body = readCompletionBody(request.body);
  checkModel(body.model, options);
  const requests = toEngineRequests(body, engine.limits, model);
  const head = answerHead(model.id, fingerprint);
  const group = new GenerationGroup(
    engine,
    requests,
    abortSignalOf(request),
    callerOf(request, body.stream ? "stream" : "single"),
  );
  if (!body.stream) return group.run((generations) => answerOf(generations, body, options, head));
  const parts = await group.run(async (generations) => Promise.all(generations.map(begun)));
  const toEvent = (error: unknown): string => eventOf(toOpenAiError(error, request.url, log).body) + endOfEvents;
  await sendEvents(reply, group.follow(eventsOf(parts, body, options, head)), toEvent);
  return undefined;
}

async function answerOf(
  generations: Generations,
  body: CompletionBody,
  { model }: OpenAiOptions,
  head: AnswerHead,
): Promise<Completion> {
  const folded = await Promise.all(generations.map(foldEvents));
  const choices = folded.map((generation, index) => toChoice(index, generation, body, model));
  return { ...head, choices, usage: usageOf(folded, body.n) };
}

async function* eventsOf(
  generations: Generations,
  body: CompletionBody,
  { model }: OpenAiOptions,
  head: AnswerHead,
): AsyncGenerator<string> {
  const withUsage = body.stream_options?.include_usage ?? false;
  const choices = generations.map((events, index) => new ChoiceStream(index, events, body, model));
  const frame = withUsage ? { ...head, usage: null } : head;
  for await (const part of merged(choices.map((choice) => choice.parts())))
    yield eventOf({ ...frame, choices: [part] });
  if (withUsage) yield eventOf({ ...head, choices: [], usage: usageOf(choices, body.n) });
  yield endOfEvents;
}

const eventOf = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

const endOfEvents = "data: [DONE]\n\n";
