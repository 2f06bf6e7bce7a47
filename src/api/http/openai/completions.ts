import type { FastifyReply, FastifyRequest } from "fastify";
import { answerWith, type Answering } from "./answering.js";
import { bestOf } from "./best-of.js";
import { candidatesOf, readCompletionBody } from "./completion-body.js";
import { toEngineRequests } from "./engine-requests.js";
import { completionFieldNames } from "./errors.js";
import { checkModel, type OpenAiOptions } from "./models.js";
import { answerHead, ChoiceStream, toChoice, usageOf, type Completion } from "./results.js";

/** POST `/completions`. */
export async function complete(
  options: OpenAiOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Completion | undefined> {
  const { engine, model } = options.current();
  const body = readCompletionBody(request.body);
  checkModel(body.model, options);
  const head = answerHead("text_completion", "cmpl", model.id, options.fingerprint?.());
  const candidates = candidatesOf(body);
  const answering: Answering<Completion> = {
    requests: toEngineRequests(body, engine.limits, model),
    toAnswer: (generations) => {
      const chosen = bestOf(generations, candidates, body.n);
      const choices = chosen.map((generation, index) => toChoice(index, generation, body, model));
      return { ...head, choices, usage: usageOf(generations, candidates) };
    },
    fieldNames: completionFieldNames,
    stream: body.stream
      ? {
          head,
          withUsage: body.stream_options?.include_usage ?? false,
          samples: body.n,
          toParts: (events, index) => new ChoiceStream(index, events, body, model),
        }
      : undefined,
  };
  return answerWith(answering, engine, options, request, reply);
}
