import type { ServerSentEvent } from "../http/events.js";
import type { AnswerForm, JsonRow } from "../http/json-cases.js";
import { without, type Json } from "../json.js";
import { faultsOf, type Joined, type Rule } from "../table.js";

interface Part extends Json {
  readonly text_output: string;
  readonly details?: { readonly finish_reason: string | null; readonly token: Json };
}

/** `/generate` has a streamed form, nothing else has. */
export const restForm: AnswerForm<JsonRow> = {
  toStream: ({ path, request }) => (path.endsWith("/generate") ? { path: `${path}_stream`, request } : undefined),
  read: (response) => ({ response, faults: [] }),
  join: joinStream,
};

/** The texts of all events are the text; with details there is one for each token, the last with the reason. */
function joinStream(events: readonly ServerSentEvent[]): Joined {
  const parts = events.map(({ data }) => JSON.parse(data) as Part);
  const heads = parts.map((part) => without(part, ["text_output", "details"]));
  const details = parts.flatMap((part) => (part.details === undefined ? [] : [part.details]));
  const reason = details.at(-1)?.finish_reason;
  const rules: Rule[] = [
    [events.every(({ event }) => event === "message"), "an event has a name"],
    [new Set(heads.map((head) => JSON.stringify(head))).size === 1, "the events begin differently"],
    [details.length === 0 || details.length === parts.length, "an event has no details"],
    [details.slice(0, -1).every((each) => each.finish_reason === null), "finish_reason before the last event"],
  ];
  const response = {
    ...heads[0],
    text_output: parts.map((part) => part.text_output).join(""),
    ...(details.length > 0 && { details: { finish_reason: reason, logprobs: details.map(({ token }) => token) } }),
  };
  return { response, faults: faultsOf(rules) };
}
