/** Caikit's REST API over a scripted engine: what the recording could not have, failures above all. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { CancelledError, OverCapacityError, UnavailableError } from "../../../../src/errors.js";
import { post, startRest, type HttpCall, type TestHttpServer } from "../../../support/http.js";
import { failing, hanging, hello, playing, ScriptedEngine } from "../../../support/scripted-engine.js";
import { masked } from "./transcript-rules.js";

const engine = new ScriptedEngine();
let server: TestHttpServer;
beforeAll(async () => {
  server = await startRest(engine, { runtimeVersion: "0.27.7-7" });
});
afterAll(() => server.forceStop());
beforeEach(() => {
  engine.script = playing(hello);
});
afterEach(() => void server.logged.splice(0));

const unaryPath = "/api/v1/task/text-generation";
const streamPath = "/api/v1/task/server-streaming-text-generation";
const body = { model_id: "m", inputs: "At what temperature does Nitrogen boil?" };
const unary = post(unaryPath, body);
const stream = post(streamPath, body);

const data = (text: string, details: string): string =>
  `event: message\r\ndata: {"generated_text": "${text}", "tokens": [], "details": {${details}}, ` +
  `"producer_id": null, "input_tokens": []}\r\n\r\n`;
const started = data("", `"finish_reason": "NOT_FINISHED", "generated_tokens": 0, "seed": 0, "input_token_count": 10`);
const running = data(
  String.raw`74 d\u00e9g`,
  `"finish_reason": "NOT_FINISHED", "generated_tokens": 2, "seed": 0, "input_token_count": 0`,
);
const ended = data("rees F", `"finish_reason": "EOS_TOKEN", "generated_tokens": 5, "seed": 0, "input_token_count": 0`);

test("a unary answer is the fold of the stream", async () => {
  const [joined, streamed] = [await server.call(unary), await server.call(stream)];
  expect(joined.body).toBe(
    String.raw`{"generated_text": "74 d\u00e9grees F", "generated_tokens": 5, "finish_reason": "EOS_TOKEN", ` +
      `"producer_id": {"name": "Text Generation", "version": "0.1.0"}, ` +
      `"input_token_count": 10, "seed": null, "tokens": [], "input_tokens": []}`,
  );
  expect(streamed.body).toBe(started + running + ended);
});

test("an error after the first event is the last event of the stream, whose status stays 200", async () => {
  engine.script = async function* (...call) {
    yield* playing(hello.slice(0, 2))(...call);
    throw new UnavailableError("the backend is gone");
  };
  const answer = await server.call(stream);
  const error = `event: error\r\ndata: {"details": "the backend is gone", "code": 500, "id": "<id>"}\r\n\r\n`;
  expect([answer.status, masked(answer.body)]).toEqual([200, started + running + error]);
});

test.each([
  [new OverCapacityError(1), 400, "Model is overloaded", 400, "Model is overloaded"],
  [new UnavailableError("draining"), 501, "The underlying TCP connection is closed", 500, "draining"],
  [new CancelledError("gone"), 501, "The underlying TCP connection is closed", 500, "gone"],
])("the engine's %s has the contract's code and text, unary and in a stream", async (...row) => {
  const [error, unaryCode, unaryText, streamCode, streamText] = row;
  engine.script = failing(error);
  const [alone, streamed] = [await server.call(unary), await server.call(stream)];
  const json = (text: string, code: number): string => `{"details": "${text}", "code": ${code}, "id": "<id>"}`;
  expect([alone.status, masked(alone.body)]).toEqual([unaryCode, json(unaryText, unaryCode)]);
  expect([streamed.status, masked(streamed.body)]).toEqual([
    200,
    `event: error\r\ndata: ${json(streamText, streamCode)}\r\n\r\n`,
  ]);
});

test.each([
  ["unary", unary],
  ["in a stream", stream],
])("a bug is told by an id, under which the log has the cause: %s", async (_, call) => {
  const error = new Error("secret");
  engine.script = failing(error);
  const { body: text } = await server.call(call);
  const { line, fields } = server.logged[0] ?? { line: "", fields: {} };
  expect(line).toBe("error request failed");
  expect(fields["error"]).toBe(error);
  expect(text).toContain(`{"details": "internal error", "code": 500, "id": "${String(fields["id"])}"}`);
});

test("what is the client's mistake is logged at info", async () => {
  await server.call(post(unaryPath, { model_id: "", inputs: "x" }));
  expect(server.logged).toEqual([
    {
      line: "info request refused",
      fields: {
        path: unaryPath,
        code: 400,
        details: "Missing required model ID",
        id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      },
    },
  ]);
});

test("the time limit of a request ends it in the original's words", async () => {
  const limited = await startRest(engine, { requestTimeoutMs: 30 });
  engine.script = hanging;
  const [alone, streamed] = [await limited.call(unary), await limited.call(stream)];
  limited.forceStop();
  expect(masked(alone.body)).toBe(`{"details": "The underlying TCP connection is closed", "code": 501, "id": "<id>"}`);
  expect(masked(streamed.body)).toMatch(
    /\r\n\r\nevent: error\r\ndata: \{"details": "Deadline Exceeded", "code": 500, "id": "<id>"\}\r\n\r\n$/,
  );
});

test("a stream shows that it is alive, with pings between whole events", async () => {
  const lively = await startRest(engine, { pingIntervalMs: 5 });
  engine.script = hanging;
  const response = await lively.open(stream);
  let text = "";
  for await (const chunk of response as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.split(": ping").length > 3) break;
  }
  lively.forceStop();
  const afterStart = text.slice(text.indexOf("\r\n\r\n") + 4).split("\r\n\r\n");
  expect(afterStart.slice(0, 2)).toEqual([
    expect.stringMatching(/^: ping - \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00$/),
    expect.stringMatching(/^: ping - /),
  ]);
});

test("the text that a decoding method is refused with is quoted as Python does", async () => {
  const call = post(streamPath, { ...body, parameters: { decoding_method: `it's "é"\n` } });
  expect(masked((await server.call(call)).body).replaceAll("\r\n", "|")).toBe(
    String.raw`event: error|data: {"details": "ValueError('value check failed: Decoding method [it\\'s \"\u00e9\"\\n] not in ` +
      String.raw`valid decoding methods: [[\\'GREEDY\\', \\'SAMPLING\\']]')", "code": 400, "id": "<id>"}||`,
  );
});

/** A form with these fields. */
function form(...fields: readonly (readonly [string, string])[]): HttpCall {
  const parts = fields.map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const headers = { "content-type": "multipart/form-data; boundary=b" };
  return { method: "POST", path: unaryPath, headers, body: `${parts.join("")}--b--\r\n` };
}

test("a form's repeated stop_sequences are a list, and its numbers are texts", async () => {
  const { status } = await server.call(
    form(
      ["model_id", "m"],
      ["inputs", "dégrees"],
      ["parameters.stop_sequences", "a"],
      ["parameters.stop_sequences", "b"],
      ["parameters.seed", "18446744073709551615"],
      ["parameters.decoding_method", "SAMPLING"],
    ),
  );
  expect(status).toBe(200);
  expect(engine.requests.at(-1)).toMatchObject({
    prompt: "dégrees",
    stopSequences: ["a", "b"],
    seed: 18446744073709551615n,
  });
});

test.each([
  ["unknown field", form(["bogus", "1"]), 422, `{"detail":"Unknown key 'bogus'"}`],
  ["unreadable parameters", form(["parameters", "{"]), 422, `{"detail":"Failed to parse key 'parameters'"}`],
  ["cut off", { ...form(["inputs", "x"]), body: "--b\r\nCont" }, 422, `{"detail":"Failed to parse the form"}`],
  [
    "no media type",
    { ...unary, headers: { "content-type": "nonsense" } },
    415,
    `{"detail":"Unsupported media type: nonsense."}`,
  ],
  ["above 4 MiB", post(unaryPath, " ".repeat(2 ** 22 + 1)), 413, `{"detail":"Request body is too large"}`],
])("a body is refused: %s", async (_, call, status, text) => {
  const answer = await server.call(call);
  expect([answer.status, answer.body]).toEqual([status, text]);
});

test("a refused value comes back as valid JSON, whatever it is", async () => {
  const text = `{"model_id": [18446744073709551616, 1e400, "é"], "inputs": {"a": NaN, "b": null}}`;
  const { body: answer } = await server.call(post(unaryPath, text));
  expect(answer).toContain(`"input":[18446744073709551616,null,"é"]`);
  expect(answer).toContain(`"input":{"a":null,"b":null}`);
  expect(() => JSON.parse(answer) as unknown).not.toThrow();
});

test("/info/version has the runtime's version and the names that dashboards look for", async () => {
  expect((await server.call({ method: "GET", path: "/info/version" })).body).toBe(
    `{"runtime_version":"0.27.7-7","python_packages":{"caikit":"0.27.7","caikit_health_probe":"0.27.7",` +
      `"caikit_nlp":"0.5.13","caikit_tgis_backend":"0.1.38"}}`,
  );
});

test.each(["/management/models", "/api/v1/task/embedding", "/api/v1/task/text-generation/job"])(
  "%s, which a generation model does not need, is not found",
  async (path) => {
    expect(await server.call(post(path, {}))).toMatchObject({ status: 404, body: `{"detail":"Not Found"}` });
  },
);

test("a path with a slash behind it is sent to the one without, query included", async () => {
  const { status, headers } = await server.call({ method: "GET", path: "/info/models/?model_ids=m" });
  expect([status, headers["location"]]).toEqual([307, `http://127.0.0.1:${server.port}/info/models?model_ids=m`]);
});

test("a request that arrives byte by byte, cut within characters, is read the same", async () => {
  const text = JSON.stringify({ ...body, inputs: "dégrees 数学 🚀" });
  const socket = connect(server.port, "127.0.0.1").setNoDelay();
  const head = `POST ${unaryPath} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nConnection: close\r\n`;
  socket.write(`${head}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n`);
  for (const byte of Buffer.from(text)) await new Promise((sent) => socket.write(Buffer.of(byte), sent));
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  expect(answer.toString()).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  expect(engine.requests.at(-1)).toMatchObject({ prompt: "dégrees 数学 🚀" });
});

/** The reading of a stream that the HTML standard prescribes, for `event` and `data`. */
class EventReader {
  readonly events: [event: string, data: string][] = [];
  #rest = Buffer.alloc(0);
  #event = "";
  #data = "";

  push(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let end = this.#rest.indexOf("\r\n"); end !== -1; end = this.#rest.indexOf("\r\n")) {
      this.#line(this.#rest.toString("utf8", 0, end));
      this.#rest = this.#rest.subarray(end + 2);
    }
  }

  #line(line: string): void {
    const [, field = "", value = ""] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data += value;
    else if (line === "" && this.#data !== "") {
      this.events.push([this.#event, this.#data]);
      [this.#event, this.#data] = ["", ""];
    }
  }
}

test("a stream split at any byte is read the same", async () => {
  const bytes = Buffer.from((await server.call(stream)).body);
  const expected = [started, running, ended].map((event) => ["message", event.slice(22, -4)]);
  const readings = Array.from(bytes, (_, cut) => {
    const reader = new EventReader();
    reader.push(bytes.subarray(0, cut));
    reader.push(bytes.subarray(cut));
    return reader.events;
  });
  expect(new Set(readings.map((events) => JSON.stringify(events)))).toEqual(new Set([JSON.stringify(expected)]));
});
