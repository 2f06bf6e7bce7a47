import { afterEach, beforeEach, expect, test } from "vitest";
import { openInferenceApi } from "../../../../src/api/http/open-inference/index.js";
import { InternalError, OverCapacityError, UnavailableError } from "../../../../src/errors.js";
import { ask, askForEvents, serveScript } from "../../../support/http-texts.js";
import { failing, hello, playing } from "../../../support/scripted-engine.js";

let server: Awaited<ReturnType<typeof serveScript>>;
beforeEach(async () => {
  server = await serveScript((options) => [openInferenceApi({ ...options, version: "1", isReady: () => true })]);
});
afterEach(async () => server.stop());

const infer = async () =>
  ask(`${server.url}/v2/models/scripted/infer`, {
    inputs: [{ name: "text_input", datatype: "BYTES", shape: [1], data: ["a"] }],
  });
const generate = async (path = "generate") => ask(`${server.url}/v2/models/scripted/${path}`, { text_input: "a" });

test.each<[Error, number, string]>([
  [new OverCapacityError(2), 429, "too many sequences: at most 2"],
  [new UnavailableError("draining"), 503, "draining"],
])("%o is answered %i, whole or streamed", async (thrown, status, error) => {
  server.engine.script = failing(thrown);
  const answers = [await infer(), await generate(), await generate("generate_stream")];
  expect(answers).toMatchObject(Array(3).fill({ status, body: { error } }));
});

test("a bug is told by a request id only, with the status of a failed generation where that is the contract", async () => {
  server.engine.script = failing(new InternalError("secret"));
  const answers = [await infer(), await generate(), await generate("generate_stream")];
  const errors = server.logged.map(({ fields }) => `internal error (request id ${String(fields["requestId"])})`);
  expect(answers).toMatchObject([
    { status: 500, body: { error: errors[0] } },
    { status: 424, body: { error: errors[1] } },
    { status: 424, body: { error: errors[2] } },
  ]);
});

test("an error in the middle of a stream is its last event", async () => {
  server.engine.script = async function* (request, signal) {
    yield* playing(hello.slice(0, 2))(request, signal);
    throw new UnavailableError("the backend is gone");
  };
  expect(await askForEvents(`${server.url}/v2/models/scripted/generate_stream`, { text_input: "a" })).toEqual([
    { model_name: "scripted", text_output: "74 dég" },
    { error: "the backend is gone" },
  ]);
});

test("a body that is no JSON is the caller's mistake", async () => {
  const answer = await ask(`${server.url}/v2/models/scripted/infer`, "{");
  expect(answer).toMatchObject({ status: 400, body: { error: expect.any(String) as string } });
});
