import { startHttpServer } from "../../src/api/http/server.js";
import type { HttpApi } from "../../src/api/http/api.js";
import { openChatPrompts } from "../../src/api/http/openai/index.js";
import type { OpenAiServing } from "../../src/api/http/openai/models.js";
import type { TextApiOptions } from "../../src/api/http/text-model.js";
import type { RequestLimits } from "../../src/engine/request.js";
import type { Tokenizer } from "../../src/model/index.js";
import { startTestEngine } from "./engine.js";
import { ScriptedEngine } from "./scripted-engine.js";

export interface TextServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** What was logged: `level message`, with the fields. */
  readonly logged: { readonly line: string; readonly fields: Readonly<Record<string, unknown>> }[];
  stop(): Promise<void>;
}

type Make = (options: TextApiOptions) => readonly HttpApi[];

/** A server of HTTP APIs over a real engine. */
export async function serveModel(
  folder: string,
  make: Make,
  limits: Parameters<typeof startTestEngine>[1] = {},
): Promise<TextServer & { readonly engine: Awaited<ReturnType<typeof startTestEngine>>["engine"] }> {
  const testEngine = await startTestEngine(folder, limits);
  const { engine, model } = testEngine;
  const server = await serve(make, { engine, model });
  const stop = async (): Promise<void> => {
    await server.stop();
    await engine.drain(0);
    testEngine[Symbol.dispose]();
  };
  return { ...server, engine, stop };
}

/** A server of HTTP APIs over a scripted engine; a token's text is the character of its id. */
export async function serveScript(
  make: Make,
  others: Partial<RequestLimits> = {},
  chat: Partial<Pick<Tokenizer, "encode" | "chatTemplate">> = {},
): Promise<TextServer & { readonly engine: ScriptedEngine }> {
  const engine = new ScriptedEngine();
  const lengths = { maxSequenceLength: 64, maxNewTokens: 32 };
  const limits = { ...lengths, vocabularySize: 256, includeStopSequenceByDefault: true, ...others };
  const tokenizer = {
    specialTokenIds: new Set([0]),
    bytesOf: (id: number) => (id === 0 ? Buffer.of() : Buffer.from(String.fromCharCode(id), "latin1")),
    ...chat,
  };
  const server = await serve(make, { engine: Object.assign(engine, { limits }), model: { id: "scripted", tokenizer } });
  return { ...server, engine };
}

async function serve(make: Make, serving: Omit<OpenAiServing, "chatPrompts">): Promise<TextServer> {
  const logged: TextServer["logged"] = [];
  const logAs =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      void logged.push({ line: `${level} ${message}`, fields });
  const log = { info: logAs("info"), warn: logAs("warn"), error: logAs("error") };
  const made = { ...serving, chatPrompts: await openChatPrompts(serving, log) };
  const current = () => made;
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, apis: make({ current, log }), log });
  const stop = async (): Promise<void> => server.drain(0);
  return { url: `http://127.0.0.1:${server.port}`, logged, stop };
}

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Sends JSON, or GETs when there is nothing to send. */
export async function ask(url: string, json?: unknown): Promise<JsonAnswer> {
  const response = await fetch(url, json === undefined ? {} : post(json));
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
}

/** The data of all events of an answer. */
export async function askForEvents(url: string, json: unknown): Promise<unknown[]> {
  const response = await fetch(url, post(json));
  const events = (await response.text()).split("\n\n").filter((event) => event !== "");
  return events.map((event): unknown => JSON.parse(event.replace(/^data:/, "")));
}

function post(json: unknown): RequestInit {
  const body = typeof json === "string" ? json : JSON.stringify(json);
  return { method: "POST", headers: { "content-type": "application/json" }, body };
}
