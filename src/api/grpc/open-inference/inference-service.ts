import { status } from "@grpc/grpc-js";
import type { Model } from "../../../model/index.js";
import type { Current } from "../../current.js";
import { StatusError } from "../../errors.js";
import { infer, type InferEngine } from "../../open-inference/infer.js";
import { modelMetadata, serverMetadata, wordUnknownModel, wordVersioned } from "../../open-inference/metadata.js";
import { callerOf } from "../caller.js";
import { GRPCInferenceService } from "../generated/inference/grpc_service_pb.js";
import { implement, type Handlers, type Service } from "../service.js";
import { readMessage } from "./messages.js";
import { toOutputTensorMessage, toTensorMetadataMessage } from "./results.js";

export interface OpenInferenceOptions {
  readonly current: Current<{ readonly engine: InferEngine; readonly model: Pick<Model, "id"> }>;
  /** `sha256:...` over the model's files; undefined until they were read. */
  readonly modelDigest?: (() => string | undefined) | undefined;
  /** Of the server. */
  readonly version: string;
  /** False while it takes no requests. */
  readonly isReady: () => boolean;
}

/** inference.GRPCInferenceService: what the REST form says and does, by the same code. */
export function inferenceService(options: OpenInferenceOptions): Service {
  const { current, modelDigest, version, isReady } = options;
  const handlers: Handlers<typeof GRPCInferenceService> = {
    serverLive: () => ({ live: true }),
    serverReady: () => ({ ready: isReady() }),
    modelReady: (message) => {
      checkModel(message.name, message.version, current().model);
      return { ready: isReady() };
    },
    serverMetadata: () => {
      const { extensions, ...named } = serverMetadata(version);
      return { ...named, extensions: [...extensions] };
    },
    modelMetadata: (message) => {
      const { model } = current();
      checkModel(message.name, message.version, model);
      const { inputs, outputs, ...named } = modelMetadata(model.id, modelDigest?.());
      return {
        ...named,
        inputs: inputs.map(toTensorMetadataMessage),
        outputs: outputs.map(toTensorMetadataMessage),
      };
    },
    modelInfer: async (message, { signal, metadata }) => {
      const { engine, model } = current();
      checkModel(message.modelName, message.modelVersion, model);
      const caller = { ...callerOf(metadata), kind: "single" } as const;
      const outputs = await infer(readMessage(message), engine, signal, caller);
      return { modelName: model.id, id: message.id, outputs: outputs.map(toOutputTensorMessage) };
    },
  };
  return implement(GRPCInferenceService, handlers, { isNamedInHealth: true });
}

/** @throws {StatusError} NOT_FOUND for another model than the one that is served, UNIMPLEMENTED for any version. */
function checkModel(name: string, version: string, { id }: Pick<Model, "id">): void {
  if (name !== id) throw new StatusError(status.NOT_FOUND, wordUnknownModel(name, id));
  if (version !== "") throw new StatusError(status.UNIMPLEMENTED, wordVersioned(version));
}
