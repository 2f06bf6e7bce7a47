/** How an HTTP answer is compared with the recorded one; the rules are those in the head of the recording. */
import { expect } from "vitest";
import type { HttpAnswer } from "../../../support/http.js";
import { fold, snapLogprobs, without, type Json } from "../../grpc/transcripts.js";
import { parametersOf, type RestRow } from "./transcripts.js";

type Rule = (row: RestRow, answer: HttpAnswer) => void;

const rules: Readonly<Record<string, Rule>> = {
  exact: expectSameText,
  validation: expectSameText, // stricter than asked for: the order of the issues is the recorded one, too
  numeric: expectSameNumbers,
  folded: expectSameFold,
  "validation-json": expectInvalidJson,
  masked: expectSameBesidesMasked,
  "time-limit": expectTimeLimit,
  loose: ({ name }, { status }) => expect(`${name}: ${status}`).toBe(`${name}: 422`),
};

/** Fails when the answer breaks the row's rule. */
export function expectAsRecorded(row: RestRow, answer: HttpAnswer): void {
  const rule = rules[row.compare];
  if (rule === undefined) throw new Error(`no rule for ${row.compare}`);
  rule(row, answer);
}

/** The body with its random ids, and the host, as the recording has them. */
export function masked(text: string): string {
  return text.replace(/("id": ?)"[0-9a-f]{32}"/g, '$1"<id>"').replace(/127\.0\.0\.1:\d+/g, "<host>");
}

function expectSameHead({ response }: RestRow, { status, headers }: HttpAnswer): void {
  const added = response.content_type === null && status !== 307 ? { "content-type": "application/json" } : {};
  const actual = Object.entries(headers).map(([name, value]) => [name, masked(value)] as const);
  expect({ status, headers: Object.fromEntries(actual) }).toEqual({
    status: response.status,
    headers: { ...response.headers, ...added },
  });
}

function expectSameText(row: RestRow, answer: HttpAnswer): void {
  expectSameHead(row, answer);
  expect(masked(answer.body)).toBe(row.response.body);
}

function expectSameNumbers(row: RestRow, answer: HttpAnswer): void {
  expectSameHead(row, answer);
  const withoutNumbers = (text: string): string => text.replace(/-?\d+\.\d+(?:e-\d+)?/g, "#");
  expect(withoutNumbers(answer.body)).toBe(withoutNumbers(row.response.body));
  const recorded = parse(row.response.body);
  expect(snapLogprobs(parse(answer.body), recorded)).toEqual(recorded);
}

function expectSameFold(row: RestRow, answer: HttpAnswer): void {
  expectSameHead(row, answer);
  const { masked: fields = [], response } = row;
  const parameters = parametersOf(row);
  const heads = parameters["input_tokens"] === true ? 2 : 1;
  const events = parseEvents(answer.body);
  const recordedHeads = without(eventData(response.body).slice(0, heads).map(parse), fields);
  expect(snapLogprobs(without(events.slice(0, heads), fields), recordedHeads)).toEqual(recordedHeads);
  const recorded = without(response.folded, fields);
  expect(snapLogprobs(without(fold(events), fields), recorded)).toEqual(recorded);
  expect(formFaults(events.slice(heads), parameters["generated_tokens"] === true)).toEqual([]);
}

/** A message without its values: tokens count as none. */
const form =
  '{"generated_text": s, "tokens": [], "details": {"finish_reason": s, "generated_tokens": n, "seed": n, ' +
  '"input_token_count": n}, "producer_id": null, "input_tokens": []}';

/** The messages of a stream, each of which has exactly the recorded form: lines, keys, separators, ASCII only. */
function parseEvents(body: string): Json[] {
  const data = eventData(body);
  const emptied = data.map((json) =>
    json
      .replace(/"(?:[^"\\]|\\.)*"(:?)/g, (literal, colon) => (colon === "" ? "s" : literal))
      .replace(/-?\d+(?:\.\d+)?(?:e-\d+)?|NaN/g, "n")
      .replace(/\[(?:\{"text": s, "logprob": n, "rank": n\}(?:, )?)+\]/g, "[]"),
  );
  expect(emptied).toEqual(data.map(() => form));
  return data.map((json) => parse(json) as Json);
}

/** What the events of a stream carry. */
function eventData(body: string): string[] {
  const blocks = body.split("\r\n\r\n");
  expect(blocks.pop()).toBe("");
  return blocks.map((block) => /^event: message\r\ndata: ([ -~]*)$/.exec(block)?.[1] ?? `not an event: ${block}`);
}

/** Which rules of a stream's form the messages behind the first ones break. */
function formFaults(messages: readonly Json[], listsTokens: boolean): string[] {
  const details = messages.map((message) => message["details"] as Json);
  const counts = details.map((each) => Number(each["generated_tokens"]));
  const early = details.slice(0, -1);
  const tokens = messages.map((message) => (message["tokens"] as unknown[]).length);
  const forms: [string, boolean][] = [
    ["counts rise strictly", counts.every((count, index) => index === 0 || count > (counts[index - 1] ?? 0))],
    ["finish_reason only in the last", early.every((each) => each["finish_reason"] === "NOT_FINISHED")],
    ["seed only in the first and the last", early.every((each) => each["seed"] === 0)],
    ["one message for each listed token", tokens.every((count) => count === (listsTokens ? 1 : 0))],
  ];
  return forms.filter(([, holds]) => !holds).map(([name]) => name);
}

function expectInvalidJson(row: RestRow, answer: HttpAnswer): void {
  expectSameHead(row, answer);
  const recorded = JSON.parse(row.response.body) as { readonly additional_info: readonly Json[] };
  const { details, additional_info: issues } = JSON.parse(answer.body) as Json & { readonly details: string };
  expect(details).toMatch(/^Invalid JSON: /);
  const reason = details.slice("Invalid JSON: ".length);
  expect(issues).toEqual([{ ...recorded.additional_info[0], msg: details, ctx: { error: reason } }]);
}

function expectSameBesidesMasked(row: RestRow, answer: HttpAnswer): void {
  expectSameHead(row, answer);
  expect(answer.body).not.toMatch(/[:,] /);
  expect(without(parse(answer.body), row.masked ?? [])).toEqual(without(parse(row.response.body), row.masked ?? []));
}

function expectTimeLimit(row: RestRow, answer: HttpAnswer): void {
  expectSameHead(row, answer);
  const ending = row.api === "rest" ? parse(answer.body) : parseEvents(answer.body).at(-1)?.["details"];
  expect(ending).toMatchObject({ finish_reason: "TIME_LIMIT" });
  expect((ending as { readonly generated_tokens: number }).generated_tokens).toBeLessThan(64);
}

/** NaN and integers above 2^53 become text, as in `folded`. */
function parse(text: string): unknown {
  return JSON.parse(text.replace(/: (NaN|\d{16,})(?=[,}])/g, ': "$1"'));
}
