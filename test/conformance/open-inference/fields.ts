/** The messages of inference.GRPCInferenceService, written by hand from the contract. */
import type { Messages } from "../grpc/wire.js";

const tensor = {
  name: [1, "string"],
  datatype: [2, "string"],
  shape: [3, "int64", "repeated"],
} as const;

export const inferenceMessages: Messages = {
  ServerLiveRequest: {},
  ServerLiveResponse: { live: [1, "bool"] },
  ServerReadyRequest: {},
  ServerReadyResponse: { ready: [1, "bool"] },
  ModelReadyRequest: { name: [1, "string"], version: [2, "string"] },
  ModelReadyResponse: { ready: [1, "bool"] },
  ServerMetadataRequest: {},
  ServerMetadataResponse: { name: [1, "string"], version: [2, "string"], extensions: [3, "string", "repeated"] },
  ModelMetadataRequest: { name: [1, "string"], version: [2, "string"] },
  ModelMetadataResponse: {
    name: [1, "string"],
    versions: [2, "string", "repeated"],
    platform: [3, "string"],
    inputs: [4, "TensorMetadata", "repeated"],
    outputs: [5, "TensorMetadata", "repeated"],
  },
  TensorMetadata: tensor,
  ModelInferRequest: {
    model_name: [1, "string"],
    model_version: [2, "string"],
    id: [3, "string"],
    parameters: [4, "ParameterEntry", "map"],
    inputs: [5, "InferTensor", "repeated"],
    outputs: [6, "RequestedOutput", "repeated"],
    raw_input_contents: [7, "bytes", "repeated"],
  },
  ModelInferResponse: {
    model_name: [1, "string"],
    model_version: [2, "string"],
    id: [3, "string"],
    parameters: [4, "ParameterEntry", "map"],
    outputs: [5, "InferTensor", "repeated"],
    raw_output_contents: [6, "bytes", "repeated"],
  },
  InferTensor: { ...tensor, parameters: [4, "ParameterEntry", "map"], contents: [5, "InferTensorContents"] },
  RequestedOutput: { name: [1, "string"], parameters: [2, "ParameterEntry", "map"] },
  ParameterEntry: { key: [1, "string"], value: [2, "InferParameter"] },
  InferParameter: {
    bool_param: [1, "bool"],
    int64_param: [2, "int64"],
    string_param: [3, "string"],
    double_param: [4, "double"],
    uint64_param: [5, "uint64"],
  },
  InferTensorContents: {
    uint_contents: [4, "uint32", "repeated"],
    fp32_contents: [6, "float", "repeated"],
    bytes_contents: [8, "bytes", "repeated"],
  },
};
