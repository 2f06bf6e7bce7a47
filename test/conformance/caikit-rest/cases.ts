/** Calls of Caikit's REST API. */
import { differences } from "../compare.js";
import type { HttpAnswer, HttpRequest } from "../http/client.js";
import { readEvents } from "../http/events.js";
import { keeping, without, type Json } from "../json.js";
import type { Case, Clients } from "../table.js";
import { joinStream } from "./stream.js";
import { readPythonJson } from "./python-json.js";

interface Issue {
  readonly type: string;
  readonly loc: readonly string[];
  readonly msg?: string;
}

interface CaikitError {
  readonly status: number;
  /** What the framework says, as the only field of the body. */
  readonly detail?: string;
  /** What the runtime says. */
  readonly details?: string;
  /** What the event of a stream says instead of `details`. */
  readonly streamed?: string;
  readonly issues?: readonly Issue[];
}

/** A call and what it must give: a response, an error, or for one that is no task the text of its answer. */
export interface CaikitRestRow {
  readonly name: string;
  /** Of a call that is no task. */
  readonly path?: string;
  readonly method?: string;
  /** Absent = text generation. */
  readonly task?: "tokenization";
  readonly headers?: Readonly<Record<string, string>>;
  readonly request?: Json;
  /** To be sent as it is, instead of `request`. */
  readonly body?: string;
  readonly response?: Json;
  readonly answer?: { readonly status: number; readonly body: string };
  readonly error?: CaikitError;
  /** The fields of the response that are compared; absent = all. */
  readonly only?: readonly string[];
}

/** Each row as it stands; a generation as a stream besides. */
export function caikitRestCases(rows: readonly CaikitRestRow[]): Case[] {
  return rows.flatMap((row) => {
    if (row.path !== undefined) return [{ name: row.name, judge: async (clients) => judgePlain(clients, row) }];
    const asItStands: Case = { name: row.name, judge: async (clients) => judgeUnary(clients, row) };
    if (row.task !== undefined) return [asItStands];
    return [asItStands, { name: `${row.name} (streamed)`, judge: async (clients) => judgeStream(clients, row) }];
  });
}

async function judgePlain({ http }: Clients, row: CaikitRestRow): Promise<string[]> {
  const { method = "GET", path = "", headers, body } = row;
  const sent = { method, path, ...(headers && { headers }), ...(body !== undefined && { body }) };
  const { status, body: text } = await http.call(sent);
  return differences({ status, body: withoutId(text) }, row.answer);
}

async function judgeUnary({ http }: Clients, row: CaikitRestRow): Promise<string[]> {
  const answer = await http.call(requestOf(row, row.task ?? "text-generation"));
  if (row.error !== undefined) return judgeError(answer, row.error);
  const told = { status: answer.status, contentType: answer.contentType };
  if (answer.status !== 200) return differences({ ...told, body: answer.body }, json200);
  const response = readPythonJson(answer.body) as Json;
  const expected = { ...json200, keys: keys[row.task ?? "generation"], response: expectedOf(row) };
  const keysTold = Object.keys(response).join(" ");
  return differences({ ...told, keys: keysTold, response: keeping(response, row.only) }, expected);
}

async function judgeStream({ http }: Clients, row: CaikitRestRow): Promise<string[]> {
  const answer = await http.call(requestOf(row, "server-streaming-text-generation"));
  const { error } = row;
  if (error !== undefined && isBeforeTheStream(error)) return judgeError(answer, error);
  const told = { status: answer.status, contentType: answer.contentType };
  const wrong = differences(told, { status: 200, contentType: "text/event-stream" });
  if (wrong.length > 0) return wrong;
  const events = readEvents(answer.body).map(({ event, data }) => ({ event, data: readPythonJson(withoutId(data)) }));
  if (error !== undefined) return differences(events, [errorEvent(error)]);
  const { response, faults } = joinStream(events, parametersOf(row));
  const expected = without(expectedOf(row), ["producer_id"]);
  const seed = expected["seed"] ?? 0; // in a stream none is 0
  return [...faults, ...differences(keeping(response as Json, row.only), keeping({ ...expected, seed }, row.only))];
}

/** In the order in which an answer has them. */
const keys = {
  generation: "generated_text generated_tokens finish_reason producer_id input_token_count seed tokens input_tokens",
  tokenization: "results token_count",
};

const json200 = { status: 200, contentType: "application/json" };
const producer = { name: "Text Generation", version: "0.1.0" };

function requestOf({ headers, request, body }: CaikitRestRow, task: string): HttpRequest {
  const text = body ?? JSON.stringify(request);
  const sent = headers ?? { "content-type": "application/json" };
  return { method: "POST", path: `/api/v1/task/${task}`, headers: sent, body: text };
}

function parametersOf({ request }: CaikitRestRow): Json {
  return (request?.["parameters"] ?? {}) as Json;
}

function expectedOf({ task, response = {}, only }: CaikitRestRow): Json {
  const whole = task === undefined ? { ...response, producer_id: producer } : response;
  return keeping(whole, only);
}

/** What is wrong with the body as such is told before there is a stream. */
function isBeforeTheStream({ status }: CaikitError): boolean {
  return status === 415 || status === 422;
}

function errorEvent({ status, details, streamed = details }: CaikitError): Json {
  return { event: "error", data: { details: streamed, code: status, id: "<id>" } };
}

function judgeError({ status, body }: HttpAnswer, expected: CaikitError): string[] {
  const { additional_info: issues, ...told } = JSON.parse(withoutId(body)) as Json;
  if (expected.detail !== undefined) return differences({ status, ...told }, expected);
  const { issues: expectedIssues } = expected;
  const actual = { ...told, status, issues: comparable(issues as Issue[] | undefined, expectedIssues) };
  const { status: code, details: expectedDetails } = expected;
  return differences(actual, { status: code, code, details: expectedDetails, id: "<id>", issues: expectedIssues });
}

/** Of each issue the fields that the row has. */
function comparable(actual: readonly Issue[] | undefined, expected: readonly Issue[] = []): unknown {
  return actual?.map((issue, index) => keeping({ ...issue }, Object.keys(expected[index] ?? {})));
}

function withoutId(text: string): string {
  return text.replace(/("id": ?)"[0-9a-f]{32}"/, '$1"<id>"');
}
