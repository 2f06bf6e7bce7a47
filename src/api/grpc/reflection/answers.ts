import type { DescFile, DescService } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import type * as v1 from "../generated/grpc/reflection/v1/reflection_pb.js";
import type * as v1alpha from "../generated/grpc/reflection/v1alpha/reflection_pb.js";
import { serialiseFile, withDependencies, type DescriptorIndex } from "./descriptor-index.js";

export type ReflectionRequest = v1.ServerReflectionRequest | v1alpha.ServerReflectionRequest;
export type Question = ReflectionRequest["messageRequest"];

/** The `message_response` of either version. */
export type Answer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

/** Answers one question of a reflection client; what is not known is an error response, not a failed call. */
export function answerQuestion(question: Question, index: DescriptorIndex, listed: readonly DescService[]): Answer {
  switch (question.case) {
    case "listServices":
      return serviceList(listed);
    case "fileByFilename":
      return fileResponse(index.fileByName(question.value));
    case "fileContainingSymbol":
      return fileResponse(index.fileBySymbol(question.value));
    case "fileContainingExtension": // proto3 services have no extensions
      return notFound;
    case "allExtensionNumbersOfType":
      return index.hasMessage(question.value) ? noExtensions(question.value) : notFound;
    case undefined:
      return errorResponse(status.INVALID_ARGUMENT, "invalid argument");
  }
}

function serviceList(services: readonly DescService[]): Answer {
  const names = services.map(({ typeName }) => typeName).sort();
  return { case: "listServicesResponse", value: { service: names.map((name) => ({ name })) } };
}

function fileResponse(file: DescFile | undefined): Answer {
  if (file === undefined) return notFound;
  const fileDescriptorProto = withDependencies(file).map(serialiseFile);
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function noExtensions(baseTypeName: string): Answer {
  return { case: "allExtensionNumbersResponse", value: { baseTypeName, extensionNumber: [] } };
}

function errorResponse(errorCode: status, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}

const notFound = errorResponse(status.NOT_FOUND, "not found");
