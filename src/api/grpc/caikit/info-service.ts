import type { MessageInitShape } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { modelMetadata, runtimePackages, textGenerationModuleId, type KnownModels } from "../../caikit/models.js";
import { StatusError } from "../../errors.js";
import type { ModelInfoSchema } from "../generated/caikit_data_model/common/runtime_pb.js";
import { InfoService } from "../generated/caikit/runtime/info_pb.js";
import { implement, type Service } from "../service.js";

/** caikit.runtime.info.InfoService. `runtimeVersion` is free text, empty by default in the original. */
export function infoService(models: KnownModels, runtimeVersion: string): Service {
  return implement(InfoService, {
    getRuntimeInfo: () => ({ runtimeVersion, pythonPackages: runtimePackages }),
    getModelsInfo: ({ modelIds }) => ({
      models: (modelIds.length > 0 ? modelIds : models.ids()).map((id) => modelInfo(models, id)),
    }),
  });
}

/** @throws {StatusError} NOT_FOUND for an id that no request has used. */
function modelInfo(models: KnownModels, id: string): MessageInitShape<typeof ModelInfoSchema> {
  if (!models.has(id)) throw new StatusError(status.NOT_FOUND, `Model ${id} is not loaded`);
  const { path, sizeBytes, producer } = models.served;
  return {
    modelPath: path,
    name: id,
    size: BigInt(sizeBytes),
    metadata: modelMetadata(models.served),
    moduleId: textGenerationModuleId,
    moduleMetadata: { name: producer.name, version: producer.version },
    loaded: true,
  };
}
