/** Calls as grpcurl makes them: nothing is known but the address, the rest is asked by reflection. */
import {
  create,
  createFileRegistry,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type FileRegistry,
  type JsonObject,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../../src/api/grpc/generated/grpc/reflection/v1/reflection_pb.js";
import { encode, only, type RawClient } from "./grpc.js";

/**
 * `grpcurl -d REQUEST ADDRESS SERVICE/METHOD`: what it prints, as JSON.
 * @param version of the reflection service; grpcurl tries `v1`, then `v1alpha`.
 */
export async function grpcurl(
  client: RawClient,
  symbol: string,
  request: JsonObject,
  version: "v1" | "v1alpha" = "v1",
): Promise<JsonObject[]> {
  const [service = "", name = ""] = symbol.split("/");
  const registry = await reflect(client, service, version);
  const method = registry.getService(service)?.methods.find((each) => each.name === name);
  if (method === undefined) throw new Error(`the service has no ${name}`);
  const bytes = toBinary(method.input, fromJson(method.input, request));
  const { messages } = await client.call(`/${symbol}`, bytes);
  return messages.map((each) => toJson(method.output, fromBinary(method.output, each), { registry }) as JsonObject);
}

/** The descriptors behind a symbol. Where they have no JSON names, grpcurl prints the fields' own. */
async function reflect(client: RawClient, symbol: string, version: "v1" | "v1alpha"): Promise<FileRegistry> {
  const question = encode(ServerReflectionRequestSchema, {
    messageRequest: { case: "fileContainingSymbol", value: symbol },
  });
  const method = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const response = only(ServerReflectionResponseSchema, await client.callMany(method, [question]));
  const { fileDescriptorProto } = response.messageResponse.value as { fileDescriptorProto: Uint8Array[] };
  const files = fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  for (const field of files.flatMap(({ messageType }) => messageType.flatMap((message) => message.field))) {
    if (field.jsonName === "") field.jsonName = field.name;
  }
  return createFileRegistry(create(FileDescriptorSetSchema, { file: files.reverse() })); // dependencies first
}
