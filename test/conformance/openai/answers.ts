/** What completions and chat have in common: whole answers, and streams of the parts of their choices. */
import { differences } from "../compare.js";
import type { ServerSentEvent } from "../http/events.js";
import type { AnswerForm, JsonRow } from "../http/json-cases.js";
import { without, type Json } from "../json.js";
import { faultsOf, type Joined, type Rule } from "../table.js";

/** What of a choice there is in a whole answer and in a part alike. */
export interface ChoiceHead {
  readonly index: number;
  readonly finish_reason: string | null;
}

interface Part<Choice> extends Json {
  readonly choices: readonly Choice[];
  readonly usage?: Json | null;
}

/** How an operation names its answers, and what its parts make when they are joined. */
export interface Operation<Choice extends ChoiceHead> {
  readonly whole: string;
  readonly part: string;
  readonly idPrefix: string;
  /** @returns the choice but for its index and its reason, and what is wrong with its parts. */
  readonly join: (parts: readonly Choice[]) => Joined & { readonly response: Json };
}

export function openAiFormOf<Choice extends ChoiceHead>(operation: Operation<Choice>): AnswerForm<JsonRow> {
  return {
    toStream: ({ path, request }) => ({
      path,
      request: { ...(request as Json), stream: true, stream_options: { include_usage: true } },
    }),
    read: (body) => {
      const { choices, usage, ...head } = body as Part<Choice>;
      if (head["object"] !== operation.whole) return { response: body, faults: [] }; // not of this operation
      return { response: { choices, usage }, faults: headFaults([head], operation.whole, operation.idPrefix) };
    },
    join: (events) => joinStream(events, operation),
  };
}

/** The parts of each choice in its order; behind them one with the usage, then a sign of the end. */
function joinStream<Choice extends ChoiceHead>(
  events: readonly ServerSentEvent[],
  operation: Operation<Choice>,
): Joined {
  const end = events.at(-1)?.data;
  const parts = events.slice(0, -1).map(({ data }) => JSON.parse(data) as Part<Choice>);
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
  const joined = joinChoices(
    early.flatMap((part) => part.choices),
    operation,
  );
  const faults = [...headFaults(heads, operation.part, operation.idPrefix), ...faultsOf(rules), ...joined.faults];
  return { response: { choices: joined.choices, usage: last?.usage }, faults };
}

function joinChoices<Choice extends ChoiceHead>(
  parts: readonly Choice[],
  { join }: Operation<Choice>,
): { readonly choices: readonly Json[]; readonly faults: readonly string[] } {
  const indexes = [...new Set(parts.map(({ index }) => index))].sort((a, b) => a - b);
  const joined = indexes.map((index) => {
    const own = parts.filter((part) => part.index === index);
    const reasons = own.map(({ finish_reason }) => finish_reason).filter((reason) => reason !== null);
    const { response, faults } = join(own);
    const reason = reasons.length === 1 ? own.at(-1)?.finish_reason : reasons; // it is the last part's
    return { choice: { index, ...response, finish_reason: reason }, faults };
  });
  return { choices: joined.map(({ choice }) => choice), faults: joined.flatMap(({ faults }) => faults) };
}

/** The same lists of all parts, joined; null when no part has any. */
export function joinLists(parts: readonly (Readonly<Record<string, readonly unknown[] | null>> | null)[]): Json | null {
  const given = parts.filter((part) => part !== null);
  const [first] = given;
  if (first === undefined) return null;
  const joined = Object.keys(first).map((name) => {
    const lists = given.map((part) => part[name]);
    return [name, lists.every((list) => list === null) ? null : lists.flatMap((list) => list ?? [])];
  });
  return Object.fromEntries(joined) as Json;
}

function headFaults(heads: readonly Json[], object: string, idPrefix: string): string[] {
  const head = {
    object,
    model: "micro-gpt2",
    id: `${idPrefix}-…`,
    created: "…",
    system_fingerprint: "fp_…",
  };
  return heads.flatMap((each) => differences(each, head)).slice(0, 1);
}
