import type { Service } from "../service.js";
import { inferenceService, type OpenInferenceOptions } from "./inference-service.js";

export type { OpenInferenceOptions };

/** The gRPC services of the Open Inference Protocol v2 over one model; health and reflection are the server's own. */
export function openInferenceServices(options: OpenInferenceOptions): Service[] {
  return [inferenceService(options)];
}
