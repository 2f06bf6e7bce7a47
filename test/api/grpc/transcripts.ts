import { readFileSync } from "node:fs";
import { type status } from "@grpc/grpc-js";

/** One recorded call of the original runtime; `note` in the file says what the fields mean. */
export interface Row {
  readonly name: string;
  readonly api: "grpc-unary" | "grpc-stream" | "grpc-tokenize" | "grpc-info" | "rest" | "sse";
  readonly compare: string;
  readonly masked?: readonly string[];
  readonly first_messages_only?: number;
  readonly request: {
    readonly method: string;
    readonly metadata: readonly (readonly [string, string])[];
    readonly message?: Readonly<Record<string, unknown>>;
    readonly bytes: string;
  };
  readonly response: {
    readonly code_number: status;
    /** Null when only the first messages were recorded. */
    readonly details: string | null;
    readonly message?: Json | null;
    readonly messages?: readonly Json[];
    readonly bytes?: string | null;
    readonly first_bytes?: string | null;
    readonly folded?: Folded;
    readonly services?: readonly string[];
    readonly error_response?: Json;
    readonly fields?: readonly Field[];
  };
}

export type Json = Readonly<Record<string, unknown>>;

/** What a client gets by joining a stream. */
export interface Folded extends Json {
  readonly tokens: readonly Json[];
  readonly input_tokens: readonly Json[];
}

/** One field of a reflected message. */
export interface Field extends Json {
  readonly name: string;
  readonly oneof: string | null;
}

/** The gRPC rows, in file order. */
export function readRows(): Row[] {
  const file = new URL("../../fixtures/caikit-transcripts.json", import.meta.url);
  const { rows } = JSON.parse(readFileSync(file, "utf8")) as { rows: Row[] };
  return rows.filter(({ api }) => api.startsWith("grpc-"));
}

/** Fields that are 64-bit integers: JSON of protobuf prints them as strings, the recording as numbers. */
const integers = new Set(["generated_tokens", "input_token_count", "seed", "rank", "token_count", "size"]);

/** Brings the JSON of a decoded message to the form of the recording. */
export function asRecorded(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((each) => asRecorded(each));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, asRecorded(each, name)]));
  }
  const isSafe = integers.has(key) && typeof value === "string" && Number.isSafeInteger(Number(value));
  return isSafe ? Number(value) : value;
}

/** The value without the fields of these names, at any depth. */
export function without(value: unknown, names: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((each) => without(each, names));
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => !names.includes(name));
  return Object.fromEntries(kept.map(([name, each]) => [name, without(each, names)]));
}

/** `actual`, each logprob that is within 1e-4 of the recorded one replaced by that. */
export function snapLogprobs(actual: unknown, recorded: unknown): unknown {
  if (Array.isArray(actual) && Array.isArray(recorded)) {
    return actual.map((each, index) => snapLogprobs(each, recorded[index]));
  }
  if (!isJson(actual) || !isJson(recorded)) return actual;
  return Object.fromEntries(
    Object.entries(actual).map(([name, each]) => {
      const other = recorded[name];
      const isClose = typeof each === "number" && typeof other === "number" && Math.abs(each - other) <= 1e-4;
      return [name, name === "logprob" && isClose ? other : snapLogprobs(each, other)];
    }),
  );
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Joins the messages of a stream as the recording does. */
export function fold(messages: readonly Json[]): Folded {
  const details = messages.map((message) => (message["details"] ?? {}) as Json);
  const first = details[0] ?? {};
  const last = details.at(-1) ?? {};
  const join = (name: string): readonly Json[] => messages.flatMap((message) => (message[name] ?? []) as Json[]);
  return {
    generated_text: messages.map((message) => (message["generated_text"] ?? "") as string).join(""),
    generated_tokens: last["generated_tokens"] ?? 0,
    finish_reason: last["finish_reason"] ?? "NOT_FINISHED",
    seed: last["seed"] ?? 0,
    input_token_count: first["input_token_count"] ?? 0,
    tokens: join("tokens"),
    input_tokens: join("input_tokens"),
    messages_have_details: messages.every((message) => "details" in message),
  };
}
