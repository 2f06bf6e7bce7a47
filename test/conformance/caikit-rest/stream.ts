import type { Json } from "../json.js";
import { faultsOf, type Joined } from "../table.js";

interface Message {
  readonly event: string;
  readonly data: unknown;
}

const keys = "generated_text tokens details producer_id input_tokens";
const detailKeys = "finish_reason generated_tokens seed input_token_count";

/**
 * Joins the events of a stream, each of which has all keys. The first tells the input's length and the seed, the second
 * the input's tokens when they were asked for, the others what was generated, the last of them how it ended.
 */
export function joinStream(events: readonly Message[], parameters: Json): Joined {
  const messages = events.map(({ data }) => data as Json);
  const details = messages.map((message) => (message["details"] ?? {}) as Json);
  const first = details[0] ?? {};
  const last = details.at(-1) ?? {};
  const isDrawn = parameters["decoding_method"] === "SAMPLING" && parameters["seed"] === undefined;
  const response = {
    generated_text: messages.map((message) => message["generated_text"]).join(""),
    generated_tokens: last["generated_tokens"],
    finish_reason: last["finish_reason"],
    input_token_count: first["input_token_count"],
    seed: isDrawn ? 0 : first["seed"], // one that was drawn is told in streams only
    tokens: messages.flatMap((message) => message["tokens"]),
    input_tokens: messages.flatMap((message) => message["input_tokens"]),
  };
  return { response, faults: [...formFaults(events), ...placeFaults(details, parameters)] };
}

function formFaults(events: readonly Message[]): string[] {
  const messages = events.map(({ data }) => data as Json);
  return faultsOf([
    [events.every(({ event }) => event === "message"), "an event is no message"],
    [messages.every((message) => Object.keys(message).join(" ") === keys), "a message has other keys"],
    [messages.every((message) => keysOf(message["details"]) === detailKeys), "a message's details have other keys"],
    [messages.every((message) => message["producer_id"] === null), "a message has a producer"],
  ]);
}

function placeFaults(details: readonly Json[], parameters: Json): string[] {
  const heads = parameters["input_tokens"] === true ? 2 : 1;
  const generated = details.slice(heads);
  const counts = generated.map((each) => Number(each["generated_tokens"]));
  const early = details.slice(0, -1);
  return faultsOf([
    [details.slice(0, heads).every((each) => each["input_token_count"] !== 0), "a head does not count the input"],
    [generated.every((each) => each["input_token_count"] === 0), "input_token_count behind the heads"],
    [early.every((each) => each["finish_reason"] === "NOT_FINISHED"), "finish_reason before the last message"],
    [details.slice(1, -1).every((each) => each["seed"] === 0), "seed between the first and the last message"],
    [details[0]?.["seed"] === details.at(-1)?.["seed"], "the first and the last message tell different seeds"],
    [counts.every((count, index) => index === 0 || count > (counts[index - 1] ?? 0)), "counts do not rise"],
  ]);
}

function keysOf(value: unknown): string {
  return Object.keys(value ?? {}).join(" ");
}
