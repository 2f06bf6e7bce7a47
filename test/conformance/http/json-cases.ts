/** Calls that take and give JSON, and the same as server-sent events. */
import { differences } from "../compare.js";
import type { Case, Clients, Joined } from "../table.js";
import { postOf, type HttpAnswer, type HttpRequest } from "./client.js";
import { readEvents, type ServerSentEvent } from "./events.js";

/** A call and what it must give: either a response or an error. */
export interface JsonRow {
  readonly name: string;
  readonly path: string;
  /** Absent = a GET. */
  readonly request?: unknown;
  /** To be sent as it is, instead of `request`. */
  readonly body?: string;
  readonly response?: unknown;
  readonly error?: { readonly status: number; readonly body: unknown };
  /** Whether the row is of both kinds of answer; absent = yes, where there are two. */
  readonly isStreamed?: boolean;
}

/** How an API answers. */
export interface AnswerForm<Row> {
  /** The call that gives the same answer as a stream; undefined when there is none. */
  toStream(row: Row): { readonly path: string; readonly request: unknown } | undefined;
  /** What of a whole answer is the same for every such call. */
  read(body: unknown, row: Row): Joined;
  /** The same of a stream. */
  join(events: readonly ServerSentEvent[], row: Row): Joined;
}

/** Each row as it stands, and as a stream where there is one. */
export function jsonCases<Row extends JsonRow>(rows: readonly Row[], form: AnswerForm<Row>): Case[] {
  return rows.flatMap((row) => {
    const asItStands = { name: row.name, judge: async (clients: Clients) => judgeWhole(clients, row, form) };
    const streamed = row.isStreamed === false || row.request === undefined ? undefined : form.toStream(row);
    if (streamed === undefined) return [asItStands];
    const request = postOf(streamed.path, streamed.request);
    const judge = async (clients: Clients): Promise<string[]> => judgeStream(clients, request, row, form);
    return [asItStands, { name: `${row.name} (streamed)`, judge }];
  });
}

async function judgeWhole<Row extends JsonRow>({ http }: Clients, row: Row, form: AnswerForm<Row>): Promise<string[]> {
  const { path, request, body = request } = row;
  const answer = await http.call(body === undefined ? { method: "GET", path } : postOf(path, body));
  if (row.error !== undefined || answer.status !== 200) return judgeError(answer, row);
  const { response, faults } = form.read(JSON.parse(answer.body), row);
  return [...faults, ...differences(response, row.response)];
}

async function judgeStream<Row extends JsonRow>(
  { http }: Clients,
  request: HttpRequest,
  row: Row,
  form: AnswerForm<Row>,
): Promise<string[]> {
  const answer = await http.call(request);
  if (row.error !== undefined || answer.status !== 200) return judgeError(answer, row);
  if (answer.contentType !== "text/event-stream") return [`a stream of ${answer.contentType}`];
  const { response, faults } = form.join(readEvents(answer.body), row);
  return [...faults, ...differences(response, row.response)];
}

/** What is refused is refused before there is a stream. */
function judgeError({ status, contentType, body }: HttpAnswer, { error }: JsonRow): string[] {
  if (error === undefined || contentType !== "application/json") return [`${status} ${contentType}: ${body}`];
  return differences({ status, body: JSON.parse(body) as unknown }, error);
}
