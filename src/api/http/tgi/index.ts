/** The API of Hugging Face's text-generation-inference: `/generate`, `/generate_stream`, `/`, `/info`. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { foldEvents } from "../../fold.js";
import { abortSignalOf, type HttpApi } from "../api.js";
import { callerOf } from "../caller.js";
import { begun, sendEvents } from "../stream-answer.js";
import { toTgiError, wordRefusal } from "./errors.js";
import { generateSchema, readGenerateBody, toEngineRequest, type GenerateBody } from "./generate-body.js";
import { infoOf, type TgiOptions } from "./info.js";
import { foldTokens, TokenStream, type GenerateResult, type StreamEvent } from "./results.js";

export type { TgiOptions } from "./info.js";

/** Wrong requests, and what the engine refuses, get TGI's `error` and `error_type`. */
export function tgiApi(options: TgiOptions): HttpApi {
  const { log } = options;
  const schema = { body: generateSchema };
  return (app) => {
    app.setErrorHandler((error, request, reply) => {
      const told = toTgiError(error, request.url, log);
      return reply.code(told.status).send(told.body);
    });
    app.setValidatorCompiler(() => () => true); // bodies are read by the table that their schema is made of
    app.decorate("wordRefusal", wordRefusal);
    app.get("/info", () => infoOf(options));
    app.post("/generate", { schema }, (request) => generate(options, readGenerateBody(request.body), request));
    app.post("/generate_stream", { schema }, (request, reply) =>
      generateStream(options, readGenerateBody(request.body), request, reply),
    );
    app.post("/", { schema }, async (request, reply) => {
      const body = readGenerateBody(request.body);
      if (body.stream) return generateStream(options, body, request, reply);
      return [await generate(options, body, request)]; // a list: what the Hugging Face API had here before TGI
    });
  };
}

async function generate({ current }: TgiOptions, body: GenerateBody, request: FastifyRequest): Promise<GenerateResult> {
  const { engine, model } = current();
  const asked = toEngineRequest(body, false, engine.limits);
  const events = engine.generate(asked, abortSignalOf(request), callerOf(request, "single"));
  if (!body.parameters.details) return { generated_text: (await foldEvents(events)).text };
  return foldTokens(new TokenStream(body.parameters, model, asked.method === "sample"), events);
}

async function generateStream(
  { current, log }: TgiOptions,
  body: GenerateBody,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<undefined> {
  const { engine, model } = current();
  const asked = toEngineRequest(body, true, engine.limits);
  const events = await begun(engine.generate(asked, abortSignalOf(request), callerOf(request, "stream")));
  const tokens = new TokenStream(body.parameters, model, asked.method === "sample").read(events);
  const toEvent = (error: unknown): string => eventOf(toTgiError(error, request.url, log).body);
  await sendEvents(reply, eventsOf(tokens, body.parameters.details), toEvent);
}

/** @param isDetailed else the last event does not say what it knows of the whole. */
async function* eventsOf(tokens: AsyncIterable<StreamEvent>, isDetailed: boolean): AsyncGenerator<string> {
  for await (const token of tokens) yield eventOf(isDetailed ? token : { ...token, details: null });
}

const eventOf = (value: unknown): string => `data:${JSON.stringify(value)}\n\n`; // without a space, as the original
