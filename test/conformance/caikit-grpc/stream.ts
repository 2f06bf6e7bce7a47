import { textOf, withoutUndefined, type Json } from "../json.js";
import { faultsOf, type Joined, type Rule } from "../table.js";

/**
 * Joins the messages of a stream. The first tells the input's length and the seed, and the input's text when it is to be
 * in the answer; the second the input's tokens when they were asked for; the others what was generated, the last of
 * them how it ended. Every message has details, none a producer.
 */
export function joinStream(messages: readonly Json[], request: Json): Joined {
  const heads = request["input_tokens"] === true ? 2 : 1;
  const details = messages.map((message) => (message["details"] ?? {}) as Json);
  const first = details[0] ?? {};
  const last = details.at(-1) ?? {};
  const text = messages.map((message) => textOf(message, "generated_text")).join("");
  const isDrawn = request["decoding_method"] === "SAMPLING" && request["seed"] === undefined;
  const response = withoutUndefined({
    generated_text: text === "" ? undefined : text,
    generated_tokens: textOf(last, "generated_tokens") || undefined, // an integer of another size than in the unary answer
    finish_reason: last["finish_reason"],
    producer_id: messages.find((message) => "producer_id" in message)?.["producer_id"],
    input_token_count: first["input_token_count"],
    seed: isDrawn ? undefined : first["seed"], // one that was drawn is told in streams only
    tokens: listOf(messages, "tokens"),
    input_tokens: listOf(messages, "input_tokens"),
  });
  return { response, faults: placeFaults(messages, details, heads, request) };
}

function listOf(messages: readonly Json[], name: string): unknown[] | undefined {
  const tokens = messages.flatMap((message) => (message[name] ?? []) as unknown[]);
  return tokens.length === 0 ? undefined : tokens;
}

function placeFaults(messages: readonly Json[], details: readonly Json[], heads: number, request: Json): string[] {
  const generated = details.slice(heads);
  const counts = generated.map((each) => Number(each["generated_tokens"] ?? 0));
  const tokens = messages.slice(heads).map((message) => ((message["tokens"] ?? []) as unknown[]).length);
  const listed = request["generated_tokens"] === true ? 1 : 0;
  const headText = request["preserve_input_text"] === true ? 1 : 0;
  const rules: Rule[] = [
    [messages.every((message) => "details" in message), "a message has no details"],
    [messages.slice(headText, heads).every((message) => !("generated_text" in message)), "a head has text"],
    [details.slice(0, heads).every((each) => "input_token_count" in each), "a head does not count the input"],
    [generated.every((each) => !("input_token_count" in each)), "input_token_count behind the heads"],
    [details.slice(0, -1).every((each) => !("finish_reason" in each)), "finish_reason before the last message"],
    [details.slice(1, -1).every((each) => !("seed" in each)), "seed between the first and the last message"],
    [details[0]?.["seed"] === details.at(-1)?.["seed"], "the first and the last message tell different seeds"],
    [counts.every((count, index) => index === 0 || count > (counts[index - 1] ?? 0)), "counts do not rise"],
    [tokens.every((count) => count === listed), `not ${listed} tokens in each message`],
  ];
  return faultsOf(rules);
}
