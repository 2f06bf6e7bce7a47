import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import { TextGenerationTaskRequestSchema } from "../../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import { GeneratedTextResultSchema } from "../../../src/api/grpc/generated/caikit_data_model/nlp_pb.js";
import { encode, finish, only } from "../../support/grpc.js";
import { completeReferences, fixtures } from "../../support/reference.js";
import { textAt } from "../support/json.js";
import { directly } from "./probe.js";

const [reference] = completeReferences(`${fixtures}/tiny-reference.json`);
if (reference === undefined) throw new Error("there is no reference of the tiny model");

/** What transformers makes of the question that {@link ask} asks the model `tiny`. */
export const expectedText = reference.greedy.text;

/**
 * Asks by Caikit's gRPC, for a model by its id.
 * @param headers Further metadata of the call.
 * @returns the generated text. @throws {Error} when it is refused.
 */
export async function ask(
  address: string,
  modelId: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const client = new Client(address, credentials.createInsecure(), directly);
  const metadata = new Metadata();
  metadata.set("mm-model-id", modelId);
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const maxNewTokens = BigInt(reference?.greedy.ids.length ?? 0);
  const request = Buffer.from(encode(TextGenerationTaskRequestSchema, { text: reference?.prompt ?? "", maxNewTokens }));
  const pass = (bytes: Buffer): Buffer => bytes;
  const method = "/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict";
  const answer = await finish(client.makeServerStreamRequest(method, pass, pass, request, metadata));
  client.close();
  if (answer.code !== status.OK) throw new Error(`${status[answer.code]}: ${answer.details}`);
  return only(GeneratedTextResultSchema, answer).generatedText;
}

/** Asks the same by HTTP, as TGI's clients do. @returns the generated text. @throws {Error} when it is refused. */
export async function askHttp(address: string): Promise<string> {
  const body = JSON.stringify({
    inputs: reference?.prompt,
    parameters: { max_new_tokens: reference?.greedy.ids.length },
  });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`http://${address}/generate`, { method: "POST", headers, body });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return textAt(await response.json(), "generated_text");
}
