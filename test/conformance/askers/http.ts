/** The HTTP APIs. */
import { joinStream as joinCaikitStream } from "../caikit-rest/stream.js";
import { postOf } from "../http/client.js";
import { readEvents, type ServerSentEvent } from "../http/events.js";
import { withoutUndefined, type Json } from "../json.js";
import { restForm } from "../open-inference/rest.js";
import { openAiForm } from "../openai/cases.js";
import type { Clients } from "../table.js";
import { tgiForm } from "../tgi/cases.js";
import type { Answer, Asked, Asker } from "./asker.js";
import { caikitParameters, inferenceParameters, ofCaikit } from "./grpc.js";

export const httpAskers: readonly Asker[] = [
  {
    name: "Caikit REST",
    ask: async (clients, asked) =>
      ofCaikit((await whole(clients, `${caikit}/text-generation`, caikitBody(asked))) as Json),
  },
  {
    name: "Caikit REST, streamed",
    ask: async (clients, asked) => {
      const events = await streamed(clients, `${caikit}/server-streaming-text-generation`, caikitBody(asked));
      const messages = events.map(({ event, data }) => ({ event, data: JSON.parse(data) as unknown }));
      return ofCaikit(joinCaikitStream(messages, caikitParameters(asked)).response as Json);
    },
  },
  {
    name: "OpenAI",
    ask: async (clients, asked) => ofOpenAi(await whole(clients, openAi, openAiBody(asked))),
  },
  {
    name: "OpenAI, streamed",
    ask: async (clients, asked) => {
      const body = { ...openAiBody(asked), stream: true, stream_options: { include_usage: true } };
      return ofOpenAi(openAiForm.join(await streamed(clients, openAi, body), rowOf(openAi, body)).response);
    },
  },
  {
    name: "TGI",
    ask: async (clients, asked) => {
      const body = (await whole(clients, "/generate", tgiBody(asked, true))) as TgiAnswer;
      return ofTgi(body, body.details.prefill.length);
    },
  },
  {
    name: "TGI, streamed",
    ask: async (clients, asked) => {
      const body = tgiBody(asked, false);
      const events = await streamed(clients, "/generate_stream", body);
      const last = JSON.parse(events.at(-1)?.data ?? "{}") as { readonly details: { readonly input_length: number } };
      return ofTgi(tgiForm.join(events, rowOf("/generate", body)).response as TgiAnswer, last.details.input_length);
    },
  },
  { name: "Open Inference REST", ask: askInference },
  {
    name: "generate",
    ask: async (clients, asked) => ofGenerate(await whole(clients, `${model}/generate`, generateBody(asked))),
  },
  {
    name: "generate, streamed",
    ask: async (clients, asked) => {
      const body = generateBody(asked);
      const events = await streamed(clients, `${model}/generate_stream`, body);
      return ofGenerate(restForm.join(events, rowOf(`${model}/generate`, body)).response);
    },
  },
];

const caikit = "/api/v1/task";
const openAi = "/v1/completions";
const model = "/v2/models/micro-gpt2";

async function whole({ http }: Clients, path: string, body: Json): Promise<unknown> {
  return JSON.parse((await http.call(postOf(path, body))).body);
}

async function streamed({ http }: Clients, path: string, body: Json): Promise<ServerSentEvent[]> {
  return readEvents((await http.call(postOf(path, body))).body);
}

function rowOf(path: string, request: Json) {
  return { name: path, path, request };
}

function caikitBody(asked: Asked): Json {
  return { model_id: "any", inputs: asked.prompt, parameters: caikitParameters(asked) };
}

function openAiBody({ prompt, maxTokens, sampling }: Asked): Json {
  const { temperature = 0, topP, seed } = sampling ?? {};
  return withoutUndefined({ prompt, max_tokens: maxTokens, temperature, top_p: topP, seed });
}

function ofOpenAi(body: unknown): Answer {
  const { choices, usage } = body as {
    readonly choices: readonly [{ readonly text: string }];
    readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
  };
  return { text: choices[0].text, promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens };
}

interface TgiAnswer {
  readonly generated_text: string;
  readonly details: { readonly generated_tokens: number; readonly prefill: readonly unknown[] };
}

function tgiBody({ prompt: inputs, maxTokens, sampling }: Asked, isPromptListed: boolean): Json {
  const parameters = withoutUndefined({
    max_new_tokens: maxTokens,
    do_sample: sampling !== undefined,
    temperature: sampling?.temperature,
    top_p: sampling?.topP,
    top_k: sampling?.topK,
    typical_p: sampling?.typicalP,
    repetition_penalty: sampling?.repetitionPenalty,
    seed: sampling?.seed,
    details: true,
    decoder_input_details: isPromptListed,
  });
  return { inputs, parameters };
}

function ofTgi({ generated_text: text, details }: TgiAnswer, promptTokens: number): Answer {
  return { text, promptTokens, completionTokens: details.generated_tokens };
}

async function askInference(clients: Clients, asked: Asked): Promise<Answer> {
  const body = await whole(clients, `${model}/infer`, {
    parameters: inferenceParameters(asked),
    inputs: [{ name: "text_input", datatype: "BYTES", shape: [1], data: [asked.prompt] }],
    outputs: [{ name: "text_output" }, { name: "prompt_tokens" }, { name: "completion_tokens" }],
  });
  const { outputs } = body as { readonly outputs: readonly { readonly data: readonly unknown[] }[] };
  const [text, promptTokens, completionTokens] = outputs.map(({ data }) => data[0]);
  return { text: String(text), promptTokens: Number(promptTokens), completionTokens: Number(completionTokens) };
}

function generateBody(asked: Asked): Json {
  return { text_input: asked.prompt, parameters: { ...inferenceParameters(asked), details: true } };
}

function ofGenerate(body: unknown): Answer {
  const { text_output: text, details } = body as {
    readonly text_output: string;
    readonly details: { readonly logprobs: readonly unknown[] };
  };
  return { text, promptTokens: undefined, completionTokens: details.logprobs.length };
}
