import type { UncheckedRequest } from "../../../engine/request.js";
import { toEngineRequest } from "../../caikit/engine-request.js";
import { caikitEvents } from "../../caikit/generate.js";
import type { KnownModels } from "../../caikit/models.js";
import type { Current } from "../../current.js";
import { foldEvents } from "../../fold.js";
import type { TextEngine } from "../../text-engine.js";
import { NlpService } from "../generated/caikit/runtime/nlp_pb.js";
import { callerOf } from "../caller.js";
import { implement, type CallContext, type Service } from "../service.js";
import { modelIdOf } from "./model-id.js";
import { toResult, toStreamResults } from "./results.js";

export interface NlpServiceOptions {
  readonly current: Current<{ readonly engine: TextEngine }>;
  readonly models: KnownModels;
  /** Time limit of one generation in milliseconds (`tgis_request_timeout`, there in seconds: 60); 0 = none. */
  readonly requestTimeoutMs: number;
}

/** caikit.runtime.Nlp.NlpService: generation, unary and streamed, and tokenization. */
export function nlpService({ current, models, requestTimeoutMs }: NlpServiceOptions): Service {
  const events = (request: UncheckedRequest, { signal, metadata }: CallContext, kind: "unary" | "stream") =>
    caikitEvents(current().engine, request, { kind, signal, timeoutMs: requestTimeoutMs, caller: callerOf(metadata) });
  return implement(
    NlpService,
    {
      textGenerationTaskPredict: async (message, call) => {
        const request = toEngineRequest(message.text, message);
        const generation = await foldEvents(events(request, call, "unary"));
        return toResult(generation, request.seed, models.served.producer);
      },
      serverStreamingTextGenerationTaskPredict: (message, call) =>
        toStreamResults(events(toEngineRequest(message.text, message), call, "stream")),
      tokenizationTaskPredict: ({ text }) => ({ tokenCount: BigInt(current().engine.tokenize(text).length) }),
    },
    { guard: (metadata) => models.use(modelIdOf(metadata)) },
  );
}
