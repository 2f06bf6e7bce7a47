import { status } from "@grpc/grpc-js";
import type { KnownModels } from "../../caikit/models.js";
import { StatusError } from "../../errors.js";
import { ModelRuntime, RuntimeStatusResponse_Status as RuntimeStatus } from "../generated/mmesh/model_runtime_pb.js";
import { implement, type Service } from "../service.js";

/** The original's defaults; they describe a runtime to ModelMesh and limit nothing here. */
const runtimeStatus = {
  status: RuntimeStatus.READY,
  capacityInBytes: 10_737_418_240n,
  maxLoadingConcurrency: 2,
  modelLoadingTimeoutMs: 121_000,
  defaultModelSizeInBytes: 18_874_368n,
  runtimeVersion: "real",
  limitModelConcurrency: true,
};
const maxConcurrency = 2;

/**
 * mmesh.ModelRuntime over the one served model: loading makes an id known, unloading forgets it, and the model itself
 * stays. Paths are compared, never opened.
 */
export function modelRuntimeService(models: KnownModels): Service {
  const sizeInBytes = (): bigint => BigInt(models.served.sizeBytes);
  return implement(ModelRuntime, {
    runtimeStatus: () => runtimeStatus,
    loadModel: ({ modelId }) => {
      if (modelId === "") throw new StatusError(status.UNKNOWN, "modelId must not be empty");
      models.use(modelId);
      return { sizeInBytes: sizeInBytes(), maxConcurrency };
    },
    unloadModel: ({ modelId }) => {
      models.forget(modelId);
      return {};
    },
    modelSize: ({ modelId }) => {
      if (models.has(modelId)) return { sizeInBytes: sizeInBytes() };
      const text = `Unable to retrieve the size of model '${modelId}'; it is unregistered or unloaded.`;
      throw new StatusError(status.NOT_FOUND, text);
    },
    predictModelSize: ({ modelId, modelPath }) => {
      if (modelPath === models.served.path) return { sizeInBytes: sizeInBytes() };
      const text = `Failed to estimate size of model '${modelId}',file '${modelPath}' not found`;
      throw new StatusError(status.NOT_FOUND, text);
    },
  });
}
