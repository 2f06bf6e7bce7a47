import { readFileSync } from "node:fs";
import type { HttpCall } from "../../../support/http.js";
import type { Folded } from "../../grpc/transcripts.js";

/** One recorded HTTP exchange of the original runtime; `note` in the file says what the fields mean. */
export interface RestRow {
  readonly name: string;
  readonly api: "rest" | "sse";
  readonly compare: string;
  /** An accepted difference. */
  readonly relaxation?: string;
  readonly masked?: readonly string[];
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string | null;
    readonly body_hex?: string;
  };
  readonly response: {
    readonly status: number;
    readonly content_type: string | null;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly folded?: Folded;
  };
}

/** The HTTP rows, in file order. */
export function readRestRows(): RestRow[] {
  const file = new URL("../../../fixtures/caikit-transcripts.json", import.meta.url);
  const { rows } = JSON.parse(readFileSync(file, "utf8")) as { rows: RestRow[] };
  return rows.filter(({ api }) => ["rest", "sse"].includes(api));
}

export function callOf({ request }: RestRow): HttpCall {
  const { method, path, headers, body, body_hex: hex } = request;
  if (hex !== undefined) return { method, path, headers, body: Buffer.from(hex, "hex") };
  return body == null ? { method, path, headers } : { method, path, headers, body };
}

/** What was sent as a generation's parameters; none when the body is no JSON. */
export function parametersOf({ request }: RestRow): Readonly<Record<string, unknown>> {
  const body = JSON.parse(request.body ?? "{}") as { readonly parameters?: Readonly<Record<string, unknown>> };
  return body.parameters ?? {};
}
