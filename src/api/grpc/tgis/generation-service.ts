import { status } from "@grpc/grpc-js";
import type { Engine } from "../../../engine/engine.js";
import type { UncheckedRequest } from "../../../engine/request.js";
import type { Tokenizer } from "../../../model/tokenizer.js";
import { StatusError } from "../../errors.js";
import { foldEvents } from "../../fold.js";
import { RequestTimer } from "../../request-timer.js";
import { GenerationService, ModelInfoResponse_ModelKind as ModelKind } from "../generated/fmaas/generation_pb.js";
import { implement, type Service } from "../service.js";
import { allOrNone } from "./all-or-none.js";
import { toEngineRequest } from "./engine-request.js";
import { timeoutError, toTgisError } from "./errors.js";
import { toResponse, toStreamResponses } from "./results.js";
import { toTokenizeResponse } from "./tokenization.js";
import { refuseAdapter, refusePrefix, refuseUnservable } from "./unservable.js";

export interface TgisOptions {
  readonly engine: Pick<Engine, "generate" | "limits">;
  readonly model: { readonly tokenizer: Tokenizer };
  /** Time limit of one generation in milliseconds; TGIS has none, and by default there is none. */
  readonly requestTimeoutMs?: number;
}

/** fmaas.GenerationService: generation, unary and streamed, tokenization, and the limits of the model. */
export function generationService({ engine, model, requestTimeoutMs = 0 }: TgisOptions): Service {
  const { limits } = engine;
  const generate = (request: UncheckedRequest, call: AbortSignal) =>
    generateInTime(engine, request, call, requestTimeoutMs);
  return implement(GenerationService, {
    generate: async (message, { signal }) => {
      if (message.requests.length === 0) return {}; // nothing is looked at, not even the parameters
      refuseUnservable(message, limits);
      const requests = message.requests.map(({ text }) => toEngineRequest(text, message.params));
      const generations = await allOrNone(requests, signal, async (request, batch) =>
        foldEvents(generate(request, batch)),
      );
      return { responses: generations.map(toResponse) };
    },
    generateStream: async function* (message, { signal }) {
      if (message.request === undefined) throw new StatusError(status.INVALID_ARGUMENT, "missing request");
      refuseUnservable(message, limits);
      yield* toStreamResponses(generate(toEngineRequest(message.request.text, message.params), signal));
    },
    tokenize: (message) => {
      refuseAdapter(message.adapterId);
      refusePrefix(message.prefixId);
      return { responses: message.requests.map(({ text }) => toTokenizeResponse(text, message, model.tokenizer)) };
    },
    modelInfo: () => ({
      modelKind: ModelKind.DECODER_ONLY,
      maxSequenceLength: limits.maxSequenceLength,
      maxNewTokens: limits.maxNewTokens,
    }),
  });
}

/** The engine's events under the request's time limit, their errors in TGIS's words. */
async function* generateInTime(
  engine: TgisOptions["engine"],
  request: UncheckedRequest,
  call: AbortSignal,
  timeoutMs: number,
) {
  const timer = new RequestTimer(call, timeoutMs, timeoutError(timeoutMs));
  try {
    for await (const event of engine.generate(request, timer.signal)) {
      timer.signal.throwIfAborted();
      yield event;
    }
    timer.signal.throwIfAborted();
  } catch (error) {
    throw timer.signal.aborted ? timer.signal.reason : toTgisError(error);
  } finally {
    timer.dispose();
  }
}
