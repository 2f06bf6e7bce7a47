/** Calls of text-generation-inference's API: `/generate` and `/generate_stream`, or `/` for both, and `/info`. */
import type { ServerSentEvent } from "../http/events.js";
import { jsonCases, type AnswerForm, type JsonRow } from "../http/json-cases.js";
import type { Json } from "../json.js";
import { faultsOf, type Case, type Joined, type Rule } from "../table.js";

export interface TgiRow extends JsonRow {
  /** Of the prompt, in tokens: what only a stream with details tells. */
  readonly input_length?: number;
}

interface TokenEvent {
  readonly index: number;
  readonly token: Json;
  readonly top_tokens?: readonly Json[];
  readonly generated_text: string | null;
  readonly details: Json | null;
}

export function tgiCases(rows: readonly (Omit<TgiRow, "path"> & { readonly path?: string })[]): Case[] {
  return jsonCases(
    rows.map((row) => ({ path: "/generate", ...row })),
    tgiForm,
  );
}

export const tgiForm: AnswerForm<TgiRow> = {
  toStream: ({ path, request }) =>
    path === "/" ? { path, request: { ...(request as Json), stream: true } } : { path: "/generate_stream", request },
  read: (response) => ({ response, faults: [] }),
  join: joinStream,
};

/** One event for each token; the last has the whole text, and the details when they were asked for. */
function joinStream(events: readonly ServerSentEvent[], row: TgiRow): Joined {
  const parts = events.map(({ data }) => JSON.parse(data) as TokenEvent);
  const { parameters = {}, inputs } = row.request as { readonly parameters?: Json; readonly inputs: string };
  const last = parts.at(-1);
  const { input_length: inputLength, ...details } = last?.details ?? {};
  const text = parts.map(({ token }) => (token["special"] === true ? "" : token["text"])).join("");
  const whole = parameters["return_full_text"] === true ? `${inputs}${text}` : text;
  const early = parts.slice(0, -1);
  const rules: Rule[] = [
    [events.every(({ event }) => event === "message"), "an event has a name"],
    [parts.every(({ index }, at) => index === at + 1), "the events are not counted from 1"],
    [early.every((part) => part.generated_text === null && part.details === null), "an early event tells of the whole"],
    [last?.generated_text === whole, "the tokens' texts are not the text"],
    [
      inputLength === (parameters["details"] === true ? row.input_length : undefined),
      `input_length ${String(inputLength)}`,
    ],
  ];
  const topTokens = parts.flatMap((part) => (part.top_tokens === undefined ? [] : [part.top_tokens]));
  const told = {
    ...details,
    prefill: [],
    tokens: parts.map(({ token }) => token),
    ...(topTokens.length > 0 && { top_tokens: topTokens }),
  };
  const response = { generated_text: last?.generated_text, ...(parameters["details"] === true && { details: told }) };
  const faults = faultsOf(rules);
  return { response: row.path === "/" ? [response] : response, faults };
}
