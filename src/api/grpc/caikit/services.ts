import type { KnownModels } from "../../caikit/models.js";
import type { Current } from "../../current.js";
import type { TextEngine } from "../../text-engine.js";
import type { Service } from "../service.js";
import { infoService } from "./info-service.js";
import { modelRuntimeService } from "./model-runtime-service.js";
import { nlpService } from "./nlp-service.js";

export interface CaikitOptions {
  readonly current: Current<{ readonly engine: TextEngine }>;
  readonly models: KnownModels;
  /** Time limit of one generation in milliseconds (`tgis_request_timeout`, there in seconds: 60); 0 = none. */
  readonly requestTimeoutMs: number;
  /** What GetRuntimeInfo calls the runtime's version (`runtime.version_info.runtime_image`); empty by default. */
  readonly runtimeVersion?: string;
}

/** The gRPC services of a Caikit NLP runtime over one model; health and reflection are the server's own. */
export function caikitServices({ current, models, requestTimeoutMs, runtimeVersion = "" }: CaikitOptions): Service[] {
  return [
    nlpService({ current, models, requestTimeoutMs }),
    infoService(models, runtimeVersion),
    modelRuntimeService(models),
  ];
}
