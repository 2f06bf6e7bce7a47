import { performance } from "node:perf_hooks";
import { status } from "@grpc/grpc-js";
import type { Engine } from "../../../engine/engine.js";
import type { Caller } from "../../../engine/observer.js";
import type { RequestLimits, UncheckedRequest } from "../../../engine/request.js";
import { checkPromptCharacters } from "../../../engine/validation.js";
import type { Tokenizer } from "../../../model/tokenizer.js";
import type { Current } from "../../current.js";
import { StatusError } from "../../errors.js";
import { foldEvents } from "../../fold.js";
import { generateInTime } from "../../timed-generation.js";
import { callerOf } from "../caller.js";
import { GenerationService, ModelInfoResponse_ModelKind as ModelKind } from "../generated/fmaas/generation_pb.js";
import { implement, type Handlers, type Service } from "../service.js";
import { allOrNone } from "./all-or-none.js";
import { toEngineRequest } from "./engine-request.js";
import { timeoutError, toTgisError } from "./errors.js";
import { toResponse, toStreamResponses } from "./results.js";
import { toTokenizeResponse } from "./tokenization.js";
import { refuseAdapter, refusePrefix, refuseUnservable } from "./unservable.js";

interface RefusedCall {
  readonly kind: "single" | "batch" | "stream";
  readonly prompts: number;
}

export interface TgisCounters {
  /** A batch of no prompts was answered. */
  countEmptyBatch(): void;
  /** A call was refused before the engine heard of it. */
  countRefusal(call: RefusedCall): void;
  /** A Tokenize call was answered; `tokens` is their sum after truncation. */
  countTokenize(call: { readonly texts: number; readonly tokens: number; readonly durationMs: number }): void;
}

type TgisEngine = Pick<Engine, "generate" | "limits" | "checkCapacity">;

export interface TgisOptions {
  readonly current: Current<{ readonly engine: TgisEngine; readonly model: { readonly tokenizer: Tokenizer } }>;
  /** Told of calls that the engine does not see. */
  readonly counters?: TgisCounters;
  /** Time limit of one generation in milliseconds; TGIS has none, and by default there is none. */
  readonly requestTimeoutMs?: number;
}

/** fmaas.GenerationService: generation, unary and streamed, tokenization, and the limits of the model. */
export function generationService({ current, counters, requestTimeoutMs = 0 }: TgisOptions): Service {
  const generate = (engine: TgisEngine, request: UncheckedRequest, signal: AbortSignal, caller: Caller) =>
    generateInTime(engine, request, {
      signal,
      timeoutMs: requestTimeoutMs,
      timeout: () => timeoutError(requestTimeoutMs),
      word: toTgisError,
      caller,
    });
  const handlers: Handlers<typeof GenerationService> = {
    generate: async (message, { signal, metadata }) => {
      const { length: size } = message.requests;
      if (size === 0) {
        counters?.countEmptyBatch();
        return {}; // nothing is looked at, not even the parameters
      }
      const { engine } = current();
      const caller = { ...callerOf(metadata), kind: size === 1 ? "single" : "batch" } as const;
      checkCapacity(engine, size, { ...caller, batch: { index: 0, size } });
      countRefusals({ kind: caller.kind, prompts: size }, counters, () => refuseUnservable(message, engine.limits));
      const requests = message.requests.map(({ text }) => toEngineRequest(text, message.params));
      const generations = await allOrNone([...requests.entries()], signal, async ([index, request], batch) =>
        foldEvents(generate(engine, request, batch, { ...caller, batch: { index, size } })),
      );
      return { responses: generations.map(toResponse) };
    },
    generateStream: async function* (message, { signal, metadata }) {
      const { engine } = current();
      const caller = { ...callerOf(metadata), kind: "stream" } as const;
      checkCapacity(engine, 1, caller);
      if (message.request === undefined) throw new StatusError(status.INVALID_ARGUMENT, "missing request");
      countRefusals({ kind: "stream", prompts: 1 }, counters, () => refuseUnservable(message, engine.limits));
      yield* toStreamResponses(generate(engine, toEngineRequest(message.request.text, message.params), signal, caller));
    },
    tokenize: (message) => {
      const beganMs = performance.now();
      const { engine, model } = current();
      refuseAdapter(message.adapterId);
      refusePrefix(message.prefixId);
      for (const { text } of message.requests) checkText(text, engine.limits);
      const responses = message.requests.map(({ text }) => toTokenizeResponse(text, message, model.tokenizer));
      const tokens = responses.reduce((sum, { tokenCount = 0 }) => sum + tokenCount, 0);
      counters?.countTokenize({ texts: responses.length, tokens, durationMs: performance.now() - beganMs });
      return { responses };
    },
    modelInfo: () => {
      const { maxSequenceLength, maxNewTokens } = current().engine.limits;
      return { modelKind: ModelKind.DECODER_ONLY, maxSequenceLength, maxNewTokens };
    },
  };
  return implement(GenerationService, handlers, { isNamedInHealth: true });
}

/** @throws {StatusError} INVALID_ARGUMENT when the text is too long to be tokenized; TGIS has no such limit. */
function checkText(text: string, limits: RequestLimits): void {
  try {
    checkPromptCharacters(text, limits);
  } catch (error) {
    throw toTgisError(error);
  }
}

/**
 * All permits of a call at once, before anything of it is looked at (TGIS's order of work).
 * @throws {StatusError} RESOURCE_EXHAUSTED when there are not so many.
 */
function checkCapacity(engine: Pick<Engine, "checkCapacity">, needed: number, caller: Caller): void {
  try {
    engine.checkCapacity(needed, caller);
  } catch (error) {
    throw toTgisError(error);
  }
}

/** Runs a check of this API's own; the engine's are counted by its observer. */
function countRefusals(call: RefusedCall, counters: TgisCounters | undefined, check: () => void): void {
  try {
    check();
  } catch (error) {
    counters?.countRefusal(call);
    throw error;
  }
}
