import type { UncheckedRequest } from "../../../engine/request.js";
import { toEngineRequest } from "../../caikit/engine-request.js";
import { timeoutError, toCaikitError } from "../../caikit/errors.js";
import type { KnownModels } from "../../caikit/models.js";
import { foldEvents } from "../../fold.js";
import { RequestTimer } from "../../request-timer.js";
import type { TextEngine } from "../../text-engine.js";
import { NlpService } from "../generated/caikit/runtime/nlp_pb.js";
import { implement, type Service } from "../service.js";
import { modelIdOf } from "./model-id.js";
import { toResult, toStreamResults } from "./results.js";

export interface NlpServiceOptions {
  readonly engine: TextEngine;
  readonly models: KnownModels;
  /** Time limit of one generation in milliseconds (`tgis_request_timeout`, there in seconds: 60); 0 = none. */
  readonly requestTimeoutMs: number;
}

/** caikit.runtime.Nlp.NlpService: generation, unary and streamed, and tokenization. */
export function nlpService({ engine, models, requestTimeoutMs }: NlpServiceOptions): Service {
  const generate = (request: UncheckedRequest, call: AbortSignal, kind: "unary" | "stream") =>
    generateInTime(engine, request, call, requestTimeoutMs, kind);
  return implement(
    NlpService,
    {
      textGenerationTaskPredict: async (message, { signal }) => {
        const request = toEngineRequest(message.text, message);
        const generation = await foldEvents(generate(request, signal, "unary"));
        return toResult(generation, request.seed, models.served.producer);
      },
      serverStreamingTextGenerationTaskPredict: (message, { signal }) =>
        toStreamResults(generate(toEngineRequest(message.text, message), signal, "stream")),
      tokenizationTaskPredict: ({ text }) => ({ tokenCount: BigInt(engine.tokenize(text).length) }),
    },
    { guard: (metadata) => models.use(modelIdOf(metadata)) },
  );
}

/** The engine's events under the request's time limit, their errors in Caikit's words. */
async function* generateInTime(
  engine: TextEngine,
  request: UncheckedRequest,
  call: AbortSignal,
  timeoutMs: number,
  kind: "unary" | "stream",
) {
  const timer = new RequestTimer(call, timeoutMs, timeoutError(kind));
  try {
    for await (const event of engine.generate(request, timer.signal)) {
      timer.signal.throwIfAborted();
      yield event;
    }
    timer.signal.throwIfAborted();
  } catch (error) {
    throw timer.signal.aborted ? timer.signal.reason : toCaikitError(error, kind);
  } finally {
    timer.dispose();
  }
}
