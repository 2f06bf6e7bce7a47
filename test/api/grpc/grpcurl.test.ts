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
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../../../src/api/grpc/generated/grpc/reflection/v1/reflection_pb.js";
import { encode, only, startTestServer, type EngineServer } from "../../support/grpc.js";

const service = "caikit.runtime.Nlp.NlpService";

let server: EngineServer;
beforeAll(async () => {
  server = await startTestServer("models/tiny", {});
});
afterAll(() => server.stop());

describe.each(["v1alpha", "v1"])("by reflection %s", (version) => {
  /** The descriptors behind a symbol. Where they have no JSON names, grpcurl prints the fields' own. */
  async function reflect(symbol: string): Promise<FileRegistry> {
    const question = encode(ServerReflectionRequestSchema, {
      messageRequest: { case: "fileContainingSymbol", value: symbol },
    });
    const method = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const response = only(ServerReflectionResponseSchema, await server.client.callMany(method, [question]));
    const { fileDescriptorProto } = response.messageResponse.value as { fileDescriptorProto: Uint8Array[] };
    const files = fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    for (const field of files.flatMap(({ messageType }) => messageType.flatMap((message) => message.field))) {
      if (field.jsonName === "") field.jsonName = field.name;
    }
    return createFileRegistry(create(FileDescriptorSetSchema, { file: files.reverse() })); // dependencies first
  }

  /** `grpcurl -d REQUEST -H "mm-model-id: ..." ADDRESS SERVICE/METHOD`: what it prints, as JSON. */
  async function grpcurl(name: string, request: JsonObject): Promise<JsonObject[]> {
    const registry = await reflect(service);
    const method = registry.getService(service)?.methods.find((each) => each.name === name);
    if (method === undefined) throw new Error(`the service has no ${name}`);
    const bytes = toBinary(method.input, fromJson(method.input, request));
    const { messages } = await server.client.call(`/${service}/${name}`, bytes);
    return messages.map((each) => toJson(method.output, fromBinary(method.output, each), { registry }) as JsonObject);
  }

  const question = { text: "Once upon a time", max_new_tokens: 12 };
  const english = /^( ?[A-Za-z']+[,.!?;"]*\s*){5,}/;

  test("TextGenerationTaskPredict answers in English, and in snake_case", async () => {
    const answers = await grpcurl("TextGenerationTaskPredict", question);
    expect(answers).toEqual([
      {
        generated_text: expect.stringMatching(english) as string,
        generated_tokens: "12",
        finish_reason: "MAX_TOKENS",
        producer_id: { name: "Text Generation", version: "0.1.0" },
        input_token_count: expect.stringMatching(/^[1-9]\d*$/) as string,
      },
    ]);
  });

  test("ServerStreamingTextGenerationTaskPredict streams the same text, and its details in snake_case", async () => {
    const [unary] = await grpcurl("TextGenerationTaskPredict", question);
    const messages = await grpcurl("ServerStreamingTextGenerationTaskPredict", question);
    expect(messages.length).toBeGreaterThan(5);
    expect(messages[0]).toEqual({ details: { input_token_count: unary?.["input_token_count"] } });
    expect(messages.at(-1)).toMatchObject({ details: { generated_tokens: 12, finish_reason: "MAX_TOKENS" } });
    const texts = messages.map((message) => (message["generated_text"] ?? "") as string);
    expect(texts.join("")).toBe(unary?.["generated_text"]);
  });
});
