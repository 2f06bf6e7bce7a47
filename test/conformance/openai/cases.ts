/** Calls of OpenAI's API: `/completions`, whole and streamed, and the list of models. */
import { differences } from "../compare.js";
import type { ServerSentEvent } from "../http/events.js";
import { jsonCases, type AnswerForm, type JsonRow } from "../http/json-cases.js";
import { without, type Json } from "../json.js";
import { faultsOf, type Case, type Joined, type Rule } from "../table.js";

interface Choice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: Readonly<Record<string, readonly unknown[]>> | null;
  readonly finish_reason: string | null;
}

interface Part extends Json {
  readonly choices: readonly Choice[];
  readonly usage?: Json | null;
}

export function openAiCases(rows: readonly Omit<JsonRow, "path">[]): Case[] {
  return jsonCases(
    rows.map((row) => ({ path: "/v1/completions", ...row })),
    openAiForm,
  );
}

export const openAiForm: AnswerForm<JsonRow> = {
  toStream: ({ path, request }) => ({
    path,
    request: { ...(request as Json), stream: true, stream_options: { include_usage: true } },
  }),
  read: (body) => {
    const { choices, usage, ...head } = body as Part;
    if (head["object"] !== "text_completion") return { response: body, faults: [] }; // not a completion
    return { response: { choices, usage }, faults: headFaults([head]) };
  },
  join: (events) => joinStream(events),
};

/** The parts of each choice in its order; behind them one with the usage, then a sign of the end. */
function joinStream(events: readonly ServerSentEvent[]): Joined {
  const end = events.at(-1)?.data;
  const parts = events.slice(0, -1).map(({ data }) => JSON.parse(data) as Part);
  const heads = parts.map((part) => without(part, ["choices", "usage"]));
  const last = parts.at(-1);
  const early = parts.slice(0, -1);
  const rules: Rule[] = [
    [events.every(({ event }) => event === "message"), "an event has a name"],
    [end === "[DONE]", "the stream does not end with [DONE]"],
    [last?.choices.length === 0, "the last part has choices"],
    [early.every(({ usage }) => usage === null), "a part before the last has usage"],
    [early.every(({ choices }) => choices.length === 1), "a part has not one choice"],
    [new Set(heads.map((head) => JSON.stringify(head))).size === 1, "the parts begin differently"],
  ];
  const faults = [...headFaults(heads), ...faultsOf(rules)];
  const choices = joinChoices(early.flatMap((part) => part.choices));
  return { response: { choices, usage: last?.usage }, faults };
}

function joinChoices(parts: readonly Choice[]): unknown[] {
  const indexes = [...new Set(parts.map(({ index }) => index))].sort((a, b) => a - b);
  return indexes.map((index) => {
    const own = parts.filter((part) => part.index === index);
    const reasons = own.map(({ finish_reason }) => finish_reason).filter((reason) => reason !== null);
    return {
      index,
      text: own.map(({ text }) => text).join(""),
      logprobs: joinLogprobs(own),
      finish_reason: reasons.length === 1 ? own.at(-1)?.finish_reason : reasons, // it is the last part's
    };
  });
}

function joinLogprobs(parts: readonly Choice[]): Json | null {
  const lists = parts.flatMap(({ logprobs }) => (logprobs === null ? [] : [logprobs]));
  const names = Object.keys(lists[0] ?? {});
  if (names.length === 0) return null;
  return Object.fromEntries(names.map((name) => [name, lists.flatMap((list) => list[name] ?? [])]));
}

function headFaults(heads: readonly Json[]): string[] {
  const head = {
    object: "text_completion",
    model: "micro-gpt2",
    id: "cmpl-…",
    created: "…",
    system_fingerprint: "fp_…",
  };
  return heads.flatMap((each) => differences(each, head)).slice(0, 1);
}
