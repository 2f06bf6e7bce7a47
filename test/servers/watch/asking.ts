/** One prompt asked through every API and in every form, by real clients. */
import { fromBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import {
  ServerStreamingTextGenerationTaskRequestSchema,
  TextGenerationTaskRequestSchema,
} from "../../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import {
  GeneratedTextResultSchema,
  GeneratedTextStreamResultSchema,
} from "../../../src/api/grpc/generated/caikit_data_model/nlp_pb.js";
import {
  BatchedGenerationRequestSchema,
  BatchedGenerationResponseSchema,
} from "../../../src/api/grpc/generated/fmaas/generation_pb.js";
import { encode, only, type RawClient } from "../../support/grpc.js";

export const maxNewTokens = 24;

/** The texts of one answer: one, or several of the same prompt. Throws when it is refused. */
export type Ask = (prompt: string) => Promise<string[]>;

const nlp = "/caikit.runtime.Nlp.NlpService";

/** Ways to ask the server on this port; greedy, so that the text tells the model. */
export function waysToAsk(client: RawClient, url: string): readonly Ask[] {
  const call = async (...[method, request]: Parameters<RawClient["start"]>) => {
    const answer = await client.call(method, request);
    if (answer.code !== status.OK) throw new Error(`${method}: ${answer.code} ${answer.details}`);
    return answer;
  };
  const post = async (path: string, body: object): Promise<string> => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text;
  };
  const complete = async (prompt: string, fields: object): Promise<string> =>
    post("/v1/completions", { prompt, max_tokens: maxNewTokens, temperature: 0, ...fields });
  return [
    async (text) => {
      const request = encode(TextGenerationTaskRequestSchema, { text, maxNewTokens: BigInt(maxNewTokens) });
      return [only(GeneratedTextResultSchema, await call(`${nlp}/TextGenerationTaskPredict`, request)).generatedText];
    },
    async (text) => {
      const asked = { text, maxNewTokens: BigInt(maxNewTokens) };
      const request = encode(ServerStreamingTextGenerationTaskRequestSchema, asked);
      const { messages } = await call(`${nlp}/ServerStreamingTextGenerationTaskPredict`, request);
      return [messages.map((bytes) => fromBinary(GeneratedTextStreamResultSchema, bytes).generatedText).join("")];
    },
    async (text) => {
      const asked = { requests: Array(3).fill({ text }), params: { stopping: { maxNewTokens } } };
      const request = encode(BatchedGenerationRequestSchema, asked);
      const answer = await call("/fmaas.GenerationService/Generate", request);
      return only(BatchedGenerationResponseSchema, answer).responses.map((response) => response.text);
    },
    async (prompt) => choicesOf(await complete(prompt, { n: 2 })),
    async (prompt) => choicesOf(await complete(prompt, { n: 2, best_of: 3 })),
    async (prompt) => joinedChoices(await complete(prompt, { n: 2, stream: true })),
    async (inputs) => {
      const events = eventsOf(await post("/generate_stream", { inputs, parameters: { max_new_tokens: maxNewTokens } }));
      return [(events as { token: { text: string } }[]).map(({ token }) => token.text).join("")];
    },
  ];
}

function choicesOf(json: string): string[] {
  return (JSON.parse(json) as { choices: { text: string }[] }).choices.map(({ text }) => text);
}

function joinedChoices(body: string): string[] {
  const texts: string[] = [];
  for (const { choices } of eventsOf(body) as { choices: { index: number; text: string }[] }[]) {
    for (const { index, text } of choices) texts[index] = (texts[index] ?? "") + text;
  }
  return texts;
}

function eventsOf(body: string): unknown[] {
  const data = Array.from(body.matchAll(/^data: ?(.*)$/gm), ([, json = ""]) => json);
  return data.filter((json) => json !== "[DONE]").map((json): unknown => JSON.parse(json));
}
