import { withoutUndefined, type Json } from "../json.js";
import type { Joined } from "../table.js";

/**
 * Joins the messages of a stream. The first tells the input's length and the seed, and the input's text when it is to be
 * in the answer; the second the input's tokens when they were asked for; the others what was generated, the last of
 * them how it ended.
 */
export function joinStream(messages: readonly Json[], params: Json): Joined {
  const options = (params["response"] ?? {}) as Json;
  const hasInputTokens = options["input_tokens"] === true;
  const [first = {}, ...rest] = messages;
  const input = hasInputTokens ? rest.slice(0, 1) : [];
  const generated = rest.slice(input.length);
  const last = generated.at(-1) ?? {};
  const faults = [
    ...faultsOf("first message", first, ["input_token_count", "seed", ...(options["input_text"] ? ["text"] : [])]),
    ...input.flatMap((message) => faultsOf("second message", message, ["input_token_count", "input_tokens"])),
    ...(input.every(countsItsInput) ? [] : ["the second message does not count its input_tokens"]),
    ...generated.slice(0, -1).flatMap((message) => faultsOf("message", message, generatedFields)),
    ...faultsOf("last message", last, [...generatedFields, "stop_reason", "stop_sequence", "seed"]),
    ...(first["seed"] === last["seed"] ? [] : ["the first and the last message tell different seeds"]),
    ...(rises(generated) ? [] : ["generated_token_count does not rise with every message"]),
    ...(generated.slice(0, -1).every(saysSomething) ? [] : ["a message has neither text nor tokens"]),
  ];
  const text = messages.map((message) => (message["text"] ?? "") as string).join("");
  const tokens = generated.flatMap((message) => (message["tokens"] ?? []) as unknown[]);
  const response = {
    ...last,
    input_token_count: first["input_token_count"],
    input_tokens: input[0]?.["input_tokens"],
    text: text === "" ? undefined : text,
    tokens: tokens.length === 0 ? undefined : tokens,
  };
  return { response: withoutUndefined(response), faults };
}

const generatedFields = ["generated_token_count", "text", "tokens"];

function faultsOf(place: string, message: Json, allowed: readonly string[]): string[] {
  return Object.keys(message)
    .filter((name) => !allowed.includes(name))
    .map((name) => `${place} has ${name}`);
}

function rises(messages: readonly Json[]): boolean {
  const counts = messages.map((message) => Number(message["generated_token_count"] ?? 0));
  return counts.every((count, index) => index === 0 || count > (counts[index - 1] ?? 0));
}

function saysSomething(message: Json): boolean {
  return "text" in message || "tokens" in message;
}

function countsItsInput({ input_token_count: count, input_tokens: tokens }: Json): boolean {
  return Array.isArray(tokens) && tokens.length === count;
}
