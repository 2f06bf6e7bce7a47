import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Tensor, TensorMetadata } from "../../open-inference/tensors.js";
import type {
  ModelInferResponse_InferOutputTensorSchema,
  ModelMetadataResponse_TensorMetadataSchema,
} from "../generated/inference/grpc_service_pb.js";

export function toTensorMetadataMessage({
  shape,
  ...named
}: TensorMetadata): MessageInitShape<typeof ModelMetadataResponse_TensorMetadataSchema> {
  return { ...named, shape: shape.map(BigInt) };
}

/** In the field that goes with the datatype, for raw requests too: clients look there when nothing is raw. */
export function toOutputTensorMessage({
  name,
  datatype,
  shape,
  data,
}: Tensor): MessageInitShape<typeof ModelInferResponse_InferOutputTensorSchema> {
  const contents =
    datatype === "BYTES"
      ? { bytesContents: data.map((text) => Buffer.from(String(text))) }
      : { uintContents: data.map(Number) };
  return { name, datatype, shape: shape.map(BigInt), contents };
}
