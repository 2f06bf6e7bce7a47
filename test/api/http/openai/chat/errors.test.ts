import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openAiApi } from "../../../../../src/api/http/openai/index.js";
import type { RequestLimits } from "../../../../../src/engine/request.js";
import { InvalidRequestError } from "../../../../../src/engine/violations.js";
import type { ChatTemplate, Tokenizer } from "../../../../../src/model/index.js";
import { ask, serveScript, type TextServer } from "../../../../support/http-texts.js";
import type { ScriptedEngine } from "../../../../support/scripted-engine.js";
import { bare, llama } from "./templates.js";

type Server = TextServer & { readonly engine: ScriptedEngine };

/** A server whose model has these templates; a token's text is the character of its id. */
async function serveTemplates(
  sources: Readonly<Record<string, string>>,
  limits: Partial<RequestLimits> = {},
): Promise<Server> {
  const chatTemplate: ChatTemplate = {
    sources: new Map(Object.entries(sources)),
    specialTokens: { bos_token: "^", eos_token: "$" },
  };
  const encode: Tokenizer["encode"] = (text) => Array.from(text, (character) => character.charCodeAt(0));
  return serveScript((options) => [openAiApi(options)], limits, { chatTemplate, encode });
}

async function served(...options: Parameters<typeof serveTemplates>): Promise<Server> {
  const server = await serveTemplates(...options);
  onTestFinished(async () => server.stop());
  return server;
}

const messages = [{ role: "user", content: "Hi" }];

const invalid = (param: string | null, message: string) => ({
  status: 400,
  body: { error: { message, type: "invalid_request_error", param, code: null } },
});

const chat = async (server: Server, body: object = { messages }) => ask(`${server.url}/v1/chat/completions`, body);

describe("a wrong field", () => {
  let server: Server;
  beforeAll(async () => {
    server = await serveTemplates({ default: bare, rag: bare });
  });
  afterAll(async () => server.stop());

  const user = (content: unknown) => ({ messages: [{ role: "user", content }] });
  const call = (given: string) => ({ function: { name: "f", arguments: given } });
  const noGuidance = "text is not guided";
  const noCalls = "what the model writes is not parsed into calls";

  test.each<[object, string, string]>([
    [{}, "messages", "messages is missing"],
    [{ messages: [] }, "messages", "messages must be an array of at least 1 items, got 0"],
    [
      { messages: [{ role: "function", content: "" }] },
      "messages[0].role",
      'messages[0].role must be "system" or "developer" or "user" or "assistant" or "tool", got "function"',
    ],
    [{ messages: [{ role: "user" }] }, "messages[0].content", "messages[0].content is missing"],
    [{ messages: [{ role: "assistant" }] }, "messages[0].content", "messages[0].content is missing"],
    [user(5), "messages[0].content", "messages[0].content must be a string or an array of text parts"],
    [
      user([
        { type: "text", text: "a" },
        { type: "image_url", image_url: { url: "x" } },
      ]),
      "messages[0].content[1]",
      "messages[0].content[1] is of type image_url, which is not supported: the model reads text",
    ],
    [user([{ type: "text" }]), "messages[0].content[0].text", "messages[0].content[0].text is missing"],
    [
      { messages: [{ role: "assistant", tool_calls: [call("{")] }] },
      "messages[0].tool_calls[0].function.arguments",
      "messages[0].tool_calls[0].function.arguments must be JSON, got {",
    ],
    [{ messages, top_logprobs: 2 }, "top_logprobs", "top_logprobs is allowed with logprobs only"],
    [
      { messages, logprobs: true, top_logprobs: 21 },
      "top_logprobs",
      "top_logprobs must be an integer in [0, 20], got 21",
    ],
    [{ messages, logprobs: 5 }, "logprobs", "logprobs must be a boolean, got 5"],
    [
      { messages, max_completion_tokens: 0 },
      "max_completion_tokens",
      "max_completion_tokens must be an integer in [1, infinity), got 0",
    ],
    [{ messages, n: 129 }, "n", "n must be an integer in [1, 128], got 129"],
    [{ messages, temperature: 3 }, "temperature", "temperature must be a number in [0, 2], got 3"],
    [
      { messages, stream_options: { include_usage: true } },
      "stream_options",
      "stream_options is allowed with stream only",
    ],
    [
      { messages, response_format: { type: "json_schema" } },
      "response_format",
      `response_format is not supported: ${noGuidance}, its type can be "text" only`,
    ],
    [{ messages, tools: [{}] }, "tools", `tools are allowed with tool_choice "none" only: ${noCalls}`],
    [{ messages, tool_choice: "required" }, "tool_choice", 'tool_choice must be "none" or "auto", got "required"'],
    [{ messages, functions: [{}] }, "functions", `functions is not supported: ${noCalls}`],
    [{ messages, function_call: { name: "f" } }, "function_call", `function_call is not supported: ${noCalls}`],
    [{ messages, modalities: ["audio"] }, "modalities", "modalities is not supported: the model writes text"],
    [{ messages, audio: { voice: "a" } }, "audio", "audio is not supported: the model writes text"],
    [
      { messages, web_search_options: {} },
      "web_search_options",
      "web_search_options is not supported: there is no search",
    ],
    [{ messages, guided_regex: "a" }, "guided_regex", `guided_regex is not supported: ${noGuidance}`],
    [
      { messages, chat_template: "{{ 1 }}" },
      "chat_template",
      "chat_template must be the name of one of the model's own (default, rag): requests cannot bring one",
    ],
    [
      { messages, continue_final_message: true, add_generation_prompt: true },
      "add_generation_prompt",
      "add_generation_prompt must be false with continue_final_message",
    ],
  ])("is named with its value and its rule: %o", async (body, param, message) => {
    expect(await chat(server, body)).toMatchObject(invalid(param, message));
    expect(server.engine.requests).toEqual([]);
  });

  test("is none when it asks for nothing, or is the client's own business", async () => {
    const nothing = { tools: [], functions: [], tool_choice: "none", function_call: "auto", modalities: ["text"] };
    const own = { user: "me", metadata: { a: "b" }, store: true, parallel_tool_calls: true, unheard_of: 1 };
    const { status } = await chat(server, { messages, ...nothing, ...own, response_format: { type: "text" } });
    expect(status).toBe(200);
    expect(server.engine.requests.splice(0)).toMatchObject([
      { prompt: "Hi", promptTokenIds: [72, 105], method: "sample" },
    ]);
  });
});

describe("a model's template", () => {
  const broken = (reason: string) =>
    invalid(
      "messages",
      `The chat template of the model \`scripted\` does not work (${reason}): send the whole prompt to /v1/completions`,
    );

  test("that is no Jinja, fails or never ends is told with its reason, and stops nothing else", async () => {
    const loops = "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}";
    const server = await served({ default: "{{ messages | unheard_of }}", rag: "{% if %}", tool_use: loops });
    const reasons = server.logged.map(({ line, fields }) => [line, fields["name"], fields["reason"]]);
    expect(reasons).toEqual([
      ["warn a chat template does not work", "default", expect.stringContaining("unheard_of") as string],
      ["warn a chat template does not work", "rag", expect.any(String) as string],
      ["warn a chat template does not work", "tool_use", "it takes longer than 500 ms"],
    ]);
    expect(await chat(server)).toMatchObject(broken(String(reasons[0]?.[2])));
    expect(await chat(server, { messages, tools: [{}], tool_choice: "none" })).toMatchObject(
      broken("it takes longer than 500 ms"),
    );
    expect((await ask(`${server.url}/v1/completions`, { prompt: "p" })).status).toBe(200);
  });

  test("that refuses the first conversation works for others", async () => {
    const demanding =
      "{% if messages[0].role != 'system' %}{{ raise_exception('Begin with the system') }}{% endif %}{{ bos_token }}";
    const server = await served({ default: demanding });
    expect(server.logged).toEqual([]);
    expect(await chat(server)).toMatchObject(invalid("messages", "Begin with the system"));
    expect((await chat(server, { messages: [{ role: "system", content: "a" }] })).status).toBe(200);
    expect(server.engine.requests).toMatchObject([{ promptTokenIds: [94] }]);
  });

  test("is the one for tools where there are tools, unless another is named", async () => {
    const server = await served({ default: "d", tool_use: "t", rag: "r" });
    const tools = { tools: [{ type: "function", function: { name: "f" } }], tool_choice: "none" };
    for (const asked of [{}, tools, { ...tools, chat_template: "rag" }]) await chat(server, { messages, ...asked });
    const prompts = server.engine.requests.map(({ promptTokenIds }) => promptTokenIds);
    expect(prompts).toEqual([[100], [116], [114]]);
  });

  test("must be named when none is the default one", async () => {
    const server = await served({ rag: bare, llama });
    expect(await chat(server)).toMatchObject(
      invalid("chat_template", "chat_template is missing: the model has no default one, only rag, llama"),
    );
    expect((await chat(server, { messages, chat_template: "rag" })).status).toBe(200);
  });
});

test("what the engine refuses is told in chat's own names", async () => {
  const server = await served({ default: bare });
  server.engine.script = () => {
    throw new InvalidRequestError({ rule: "top-n-tokens", value: 20, limit: 10 }, "too many");
  };
  const body = { messages, logprobs: true, top_logprobs: 20 };
  expect(await chat(server, body)).toMatchObject(invalid("top_logprobs", "top_logprobs: too many"));
});

test("the characters that the template makes of a conversation have a limit, told by the name of its field", async () => {
  const server = await served({ default: `<${bare}>` }, { maxPromptCharacters: 4 });
  const saying = (content: string) => ({ messages: [{ role: "user", content }] });
  const message = "messages: the prompt must have at most 4 characters (--max-prompt-characters), got 5";
  expect(await chat(server, saying("abc"))).toMatchObject(invalid("messages", message));
  expect(server.engine.requests).toEqual([]);
  expect((await chat(server, saying("ab"))).status).toBe(200);
});

test("OpenAI's client throws its own classes", async () => {
  const server = await served({ default: llama });
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  const twice = { model: "scripted", messages: [messages, messages].flat() as OpenAI.ChatCompletionMessageParam[] };
  const create = client.chat.completions.create(twice);
  await expect(create).rejects.toThrow(OpenAI.BadRequestError);
  await expect(create).rejects.toThrow(/Roles must alternate/);
});
