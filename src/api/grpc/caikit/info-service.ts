import type { MessageInitShape } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { textGenerationModuleId, type KnownModels } from "../../caikit/models.js";
import { StatusError } from "../../errors.js";
import type { ModelInfoSchema } from "../generated/caikit_data_model/common/runtime_pb.js";
import { InfoService } from "../generated/caikit/runtime/info_pb.js";
import { implement, type Service } from "../service.js";

/** The packages of the original whose behaviour this server has; dashboards look for these names. */
const pythonPackages = {
  caikit: "0.27.7",
  caikit_health_probe: "0.27.7",
  caikit_nlp: "0.5.13",
  caikit_tgis_backend: "0.1.38",
};

/** caikit.runtime.info.InfoService. `runtimeVersion` is free text, empty by default in the original. */
export function infoService(models: KnownModels, runtimeVersion: string): Service {
  return implement(InfoService, {
    getRuntimeInfo: () => ({ runtimeVersion, pythonPackages }),
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
    metadata: {},
    moduleId: textGenerationModuleId,
    moduleMetadata: { name: producer.name, version: producer.version },
    loaded: true,
  };
}
