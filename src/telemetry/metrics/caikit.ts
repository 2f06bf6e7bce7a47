import type { CallEndEvent, CallEvent } from "../call-events.js";
import { caikit } from "./caikit-definitions.js";
import type { Families } from "./families.js";

export interface LoadedModel {
  readonly id: string;
  readonly weightBytes: number;
  readonly loadMs: number;
}

const nlpService = "caikit.runtime.Nlp.NlpService";
const modelType = { model_type: "standalone-model" };
/** Ids are the clients' own words; without a bound anyone could fill the memory with series. */
const maxModelIds = 100;

/** Counts calls as Caikit does: any answer of its NLP service, and all of gRPC. */
export function caikitObserver(families: Families) {
  const modelIds = new Set<string>();
  const modelIdOf = ({ modelId = "None" }: CallEvent): string => {
    if (modelIds.size < maxModelIds) modelIds.add(modelId);
    return modelIds.has(modelId) ? modelId : "other";
  };
  return {
    callStarted: (call: CallEvent) => {
      if (call.service === "") return;
      families.move(caikit.inProgress, 1, { rpc_name: rpcNameOf(call) });
      if (call.protocol === "grpc") families.count(caikit.started, 1, grpcLabelsOf(call));
    },
    callEnded: (call: CallEvent, end: CallEndEvent) => {
      if (call.service === "") return;
      families.move(caikit.inProgress, -1, { rpc_name: rpcNameOf(call) });
      if (call.protocol === "grpc") countGrpc(families, call, end);
      if (call.service !== nlpService) return;
      const labels = { grpc_request: call.requestName, model_id: modelIdOf(call) };
      families.count(caikit.predictions, 1, { code: end.code, ...labels });
      families.observe(caikit.predictionDuration, end.durationMs / 1000, labels);
    },
  };
}

export function showModel(families: Families, { id, weightBytes, loadMs }: LoadedModel): void {
  families.observe(caikit.loadDuration, loadMs / 1000, modelType);
  families.observe(caikit.coreLoadDuration, loadMs / 1000, modelType);
  families.set(caikit.loadedModels, 1, { model_id: id, ...modelType });
  families.set(caikit.loadedSize, weightBytes, modelType);
}

function countGrpc(families: Families, call: CallEvent, { code, receivedMessages, sentMessages }: CallEndEvent): void {
  const labels = grpcLabelsOf(call);
  families.count(caikit.received, receivedMessages, labels);
  families.count(caikit.sent, sentMessages, labels);
  families.count(caikit.handled, 1, { ...labels, grpc_code: code });
}

function grpcLabelsOf({ service, method, type }: CallEvent) {
  return { grpc_method: method, grpc_service: service, grpc_type: type };
}

/** The original answers all calls of its NLP service in one function. */
function rpcNameOf({ service, method }: CallEvent): string {
  return service === nlpService ? "Predict" : method;
}
