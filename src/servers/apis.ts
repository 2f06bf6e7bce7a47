/** Every API that is served, over gRPC and over HTTP. */
import { KnownModels } from "../api/caikit/models.js";
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
import type { Engine } from "../engine/index.js";
import { fingerprintOf } from "../model/digest/fingerprint.js";
import type { ModelDigest } from "../model/digest/model-digest.js";
import type { Model } from "../model/index.js";
import type { Logger } from "../telemetry/log.js";
import type { Metrics } from "../telemetry/metrics/create-metrics.js";

export interface ApiParts {
  readonly engine: Engine;
  readonly model: Model;
  readonly digest: Pick<ModelDigest, "value">;
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

export function createApis(
  config: Config,
  { engine, model, digest, version, log, metrics, needsKey, isReady }: ApiParts,
): Apis {
  const requestTimeoutMs = config.requestTimeoutSeconds * 1000;
  const modelDigest = () => digest.value;
  const { id, folder, weightBytes } = model;
  const models = new KnownModels({ id, path: folder, sizeBytes: weightBytes, producer, digest: modelDigest });
  const api = { engine, model, log, version };
  return {
    services: [
      ...caikitServices({ engine, models, requestTimeoutMs }),
      ...tgisServices({ engine, model, counters: metrics }),
      ...openInferenceServices({ engine, model, modelDigest, version, isReady }),
    ],
    apis: [
      caikitRest({ engine, models, requestTimeoutMs, log }),
      openAiApi({
        engine,
        model,
        log,
        fingerprint: fingerprintWhenKnown(digest, model, version),
        strictModelNames: config.openaiModelCheck,
      }),
      tgiApi({ ...api, maxConcurrentRequests: config.maxConcurrentRequests }),
      openInferenceApi({ ...api, modelDigest, isReady }),
      docsApi({ version, modelId: model.id, needsKey }),
    ],
  };
}

/** Made when it is first asked for: of a machine with many cores, reading what the processor is takes milliseconds. */
function fingerprintWhenKnown(
  modelDigest: ApiParts["digest"],
  { dtype, kvDtype, session: { ortVersion } }: Model,
  version: string,
): () => string | undefined {
  let fingerprint: string | undefined;
  return () => {
    const { value: digest } = modelDigest;
    if (digest !== undefined) fingerprint ??= fingerprintOf({ digest, dtype, kvDtype, ortVersion, version });
    return fingerprint;
  };
}
