/** A request as a table has it. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  /** Without its parameters; empty when there is none. */
  readonly contentType: string;
  readonly body: string;
}

/** Sends requests to `target` (host:port, plaintext). */
export class HttpClient {
  constructor(private readonly target: string) {}

  /** Resolves whatever the status; redirections are not followed. */
  async call({ path, ...request }: HttpRequest): Promise<HttpAnswer> {
    const response = await fetch(`http://${this.target}${path}`, { ...request, redirect: "manual" });
    const [contentType = ""] = (response.headers.get("content-type") ?? "").split(";");
    return { status: response.status, contentType, body: await response.text() };
  }
}

/** A POST of JSON; a string is sent as it is. */
export function postOf(path: string, body: unknown): HttpRequest {
  const headers = { "content-type": "application/json" };
  return { method: "POST", path, headers, body: typeof body === "string" ? body : JSON.stringify(body) };
}
