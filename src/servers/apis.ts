/** Every API that is served, over gRPC and over HTTP. */
import { KnownModels } from "../api/caikit/models.js";
import type { Current } from "../api/current.js";
import { caikitServices } from "../api/grpc/caikit/services.js";
import { openInferenceServices } from "../api/grpc/open-inference/services.js";
import type { Service } from "../api/grpc/service.js";
import { tgisServices } from "../api/grpc/tgis/services.js";
import type { HttpApi } from "../api/http/api.js";
import { docsApi } from "../api/http/docs/index.js";
import { caikitRest } from "../api/http/caikit/rest.js";
import { openInferenceApi } from "../api/http/open-inference/index.js";
import { openAiApi } from "../api/http/openai/index.js";
import { tgiApi } from "../api/http/tgi/index.js";
import type { Config } from "../config/settings.js";
import type { Logger } from "../telemetry/log.js";
import type { Metrics } from "../telemetry/metrics/create-metrics.js";
import type { Served } from "./served.js";

export interface ApiParts {
  readonly current: Current<Served>;
  readonly version: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Whether requests must show a key. */
  readonly needsKey: boolean;
  /** Whether new requests are taken. */
  readonly isReady: () => boolean;
}

export interface Apis {
  readonly services: readonly Service[];
  readonly apis: readonly HttpApi[];
}

/** What the original names as the producer of a text; clients have come to expect it. */
const producer = { name: "Text Generation", version: "0.1.0" };

export function createApis(config: Config, { current, version, log, metrics, needsKey, isReady }: ApiParts): Apis {
  const requestTimeoutMs = config.requestTimeoutSeconds * 1000;
  const modelDigest = () => current().digest.value;
  const { id } = current().model;
  const models = new KnownModels(() => {
    const { folder, weightBytes } = current().model;
    return { id, path: folder, sizeBytes: weightBytes, producer, digest: modelDigest };
  });
  const api = { current, log, version };
  return {
    services: [
      ...caikitServices({ current, models, requestTimeoutMs }),
      ...tgisServices({ current, counters: metrics }),
      ...openInferenceServices({ current, modelDigest, version, isReady }),
    ],
    apis: [
      caikitRest({ current, models, requestTimeoutMs, log }),
      openAiApi({
        current,
        log,
        fingerprint: () => current().fingerprint(),
        strictModelNames: config.openaiModelCheck,
      }),
      tgiApi({ ...api, maxConcurrentRequests: config.maxConcurrentRequests }),
      openInferenceApi({ ...api, modelDigest, isReady }),
      docsApi({ version, modelId: id, needsKey }),
    ],
  };
}
