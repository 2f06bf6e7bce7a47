import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openInferenceApi } from "../../../../src/api/http/open-inference/index.js";
import { complete } from "../../../support/engine.js";
import { ask, askForEvents, serveModel } from "../../../support/http-texts.js";
import { completeReferences, fixtures } from "../../../support/reference.js";
import { until } from "../../../support/settled.js";

const references = completeReferences(`${fixtures}/micro-gpt2/reference.json`).slice(0, 3);
const [reference] = references;
if (reference === undefined) throw new Error("no reference");
const { prompt, greedy } = reference;
const count = greedy.ids.length;
const textOf = ({ greedy: { text } }: typeof reference): string => text.replace(/\ufffd+$/, "");
const near = (logprob: number): number => expect.closeTo(logprob, 3) as number;

let server: Awaited<ReturnType<typeof serveModel>>;
let model: string;
let isReady = true;

beforeAll(async () => {
  server = await serveModel(`${fixtures}/micro-gpt2`, (options) => [
    openInferenceApi({ ...options, version: "1", isReady: () => isReady }),
  ]);
  model = `${server.url}/v2/models/micro-gpt2`;
});
afterAll(async () => server.stop());

const input = (...data: unknown[]) => ({ name: "text_input", datatype: "BYTES", shape: [data.length], data });
const greedyParameters = { temperature: 0, max_tokens: count };

describe("the server", () => {
  test("tells what it is, and that it lives", async () => {
    expect((await ask(`${server.url}/v2`)).body).toEqual({ name: "ortler", version: "1", extensions: ["generate"] });
    expect(await ask(`${server.url}/v2/health/live`)).toMatchObject({ status: 200, body: { live: true } });
    expect((await ask(`${server.url}/v2/models`)).body).toEqual({ models: ["micro-gpt2"] });
  });

  test("says whether it is ready, of itself and of its model", async () => {
    const answers = async () => [await ask(`${server.url}/v2/health/ready`), await ask(`${model}/ready`)];
    expect(await answers()).toMatchObject([
      { status: 200, body: { ready: true, live: true } },
      { status: 200, body: { name: "micro-gpt2", ready: true } },
    ]);
    isReady = false;
    const unready = await answers();
    isReady = true;
    expect(unready).toMatchObject([
      { status: 503, body: { ready: false } },
      { status: 503, body: { name: "micro-gpt2", ready: false } },
    ]);
  });

  test("describes the model's tensors", async () => {
    const tensor = (name: string, datatype: string) => ({ name, datatype, shape: [-1] });
    expect((await ask(model)).body).toEqual({
      name: "micro-gpt2",
      platform: "onnxruntime",
      inputs: [tensor("text_input", "BYTES")],
      outputs: [
        tensor("text_output", "BYTES"),
        tensor("finish_reason", "BYTES"),
        tensor("prompt_tokens", "UINT32"),
        tensor("completion_tokens", "UINT32"),
      ],
    });
  });

  test("knows no other model, and no versions but for generation", async () => {
    const other = `${server.url}/v2/models/org%2Fother`;
    const unknown = { status: 404, body: { error: 'model "org/other" is not found: this server has "micro-gpt2"' } };
    const gets = [await ask(other), await ask(`${other}/ready`)];
    const posts = [await ask(`${other}/infer`, {}), await ask(`${other}/generate`, {})];
    expect([...gets, ...posts]).toMatchObject([unknown, unknown, unknown, unknown]);

    const versioned = `${model}/versions/2`;
    const unsupported = { status: 501, body: { error: 'model versions are not supported, got version "2"' } };
    const answers = [await ask(versioned), await ask(`${versioned}/ready`), await ask(`${versioned}/infer`, {})];
    expect(answers).toMatchObject([unsupported, unsupported, unsupported]);
  });
});

describe("infer", () => {
  const infer = async (body: object) => ask(`${model}/infer`, body);

  test("makes the reference's texts, one for each element", async () => {
    const prompts = references.map((each) => each.prompt);
    const body = { id: "42", parameters: greedyParameters, inputs: [input(...prompts)] };
    const output = (name: string, datatype: string, data: unknown[]) => ({ name, datatype, shape: [3], data });
    const expected = {
      model_name: "micro-gpt2",
      id: "42",
      outputs: [
        output("text_output", "BYTES", references.map(textOf)),
        output("finish_reason", "BYTES", Array(3).fill("length")),
        output(
          "prompt_tokens",
          "UINT32",
          references.map((each) => each.input_ids.length),
        ),
        output("completion_tokens", "UINT32", Array(3).fill(count)),
      ],
    };
    expect((await infer(body)).body).toEqual(expected);
    const nested = { ...input(), shape: [3, 1], data: prompts.map((each) => [each]) };
    expect((await infer({ ...body, inputs: [nested] })).body).toEqual(expected);
  });

  test("tells the outputs that are asked for, in that order", async () => {
    const outputs = [{ name: "completion_tokens" }, { name: "text_output" }];
    const { body } = await infer({ inputs: [input(prompt)], parameters: greedyParameters, outputs });
    expect(body).toEqual({
      model_name: "micro-gpt2",
      outputs: [
        { name: "completion_tokens", datatype: "UINT32", shape: [1], data: [count] },
        { name: "text_output", datatype: "BYTES", shape: [1], data: [textOf(reference)] },
      ],
    });
  });

  test.each<[object, string]>([
    [{}, "inputs is missing"],
    [{ inputs: [] }, "inputs must be an array of 1 to 1 items, got 0"],
    [{ inputs: [{ ...input("a"), datatype: "FP32" }] }, 'input "text_input" must have datatype BYTES, got FP32'],
    [{ inputs: [{ ...input("a"), shape: [2] }] }, 'input "text_input" must have the 2 elements of its shape, got 1'],
    [
      { inputs: [input(...Array<string>(2049).fill("a"))] },
      "inputs[0].data must be an array of 1 to 2048 items, got 2049",
    ],
    [{ inputs: [input(1)] }, "inputs[0].data[0] must be a string or an array of one string, got 1"],
    [
      { inputs: [input("a")], outputs: [{ name: "x" }] },
      'output "x" is unknown: there are text_output, finish_reason, prompt_tokens, completion_tokens',
    ],
    [
      { inputs: [input("a")], parameters: { temperature: -1 } },
      "parameters.temperature must be a number in [0, infinity), got -1",
    ],
    [{ inputs: [input("a", "")], parameters: greedyParameters }, "the prompt has no tokens"],
  ])("refuses %o", async (body, error) => {
    expect(await infer(body)).toMatchObject({ status: 400, body: { error } });
  });
});

describe("generate", () => {
  const generate = async (parameters: object) => ask(`${model}/generate`, { text_input: prompt, parameters });

  test("makes the reference's text, with its tokens when asked", async () => {
    const text_output = textOf(reference);
    expect((await generate(greedyParameters)).body).toEqual({ text_output, model_name: "micro-gpt2" });
    const { body } = await generate({ ...greedyParameters, details: true });
    const logprobs = greedy.tokens.map(({ id, logprob }) => ({ id, logprob: near(logprob), special: false }));
    expect(body).toMatchObject({ text_output, details: { finish_reason: "length", logprobs } });
  });

  test("echoes a version, which it does not need", async () => {
    const { body } = await ask(`${model}/versions/7/generate`, { text_input: prompt, parameters: greedyParameters });
    expect(body).toEqual({ text_output: textOf(reference), model_name: "micro-gpt2", model_version: "7" });
  });

  test("samples with the parameters given, and when nothing is said", async () => {
    const sampled = { temperature: 1.5, top_k: 50, top_p: 0.9, typical_p: 0.8, repetition_penalty: 1.2, seed: 5 };
    const others = { frequency_penalty: 1, presence_penalty: 0.5, min_tokens: 2, max_tokens: 12, stop: "never" };
    const { text } = await complete(server.engine, {
      prompt,
      method: "sample",
      temperature: 1.5,
      topK: 50,
      topP: 0.9,
      typicalP: 0.8,
      repetitionPenalty: 1.2,
      seed: 5n,
      frequencyPenalty: 1,
      presencePenalty: 0.5,
      minNewTokens: 2,
      maxNewTokens: 12,
    });
    expect((await generate({ ...sampled, ...others })).body).toMatchObject({ text_output: text });
    const seeded = await complete(server.engine, { prompt, method: "sample", seed: 5n, maxNewTokens: 20 });
    expect((await generate({ seed: 5 })).body).toMatchObject({ text_output: seeded.text });
  });

  test("ends at a stop sequence, which stays or goes", async () => {
    const stop = ["GPTonfig"];
    const text = textOf(reference);
    const ending = async (include_stop_sequence: boolean) =>
      (await generate({ ...greedyParameters, stop, include_stop_sequence, details: true })).body;
    const start = text.slice(0, text.indexOf("GPTonfig"));
    const details = { finish_reason: "stop_sequence" };
    expect(await ending(false)).toMatchObject({ text_output: start, details });
    expect(await ending(true)).toMatchObject({ text_output: `${start}GPTonfig`, details });
  });

  test("refuses with its own status", async () => {
    expect(await ask(`${model}/generate`, {})).toMatchObject({ status: 422, body: { error: "text_input is missing" } });
    expect(await generate({ temperature: 0.01 })).toMatchObject({
      status: 422,
      body: { error: "temperature must be at least 0.05, got 0.01" },
    });
  });
});

describe("generate_stream", () => {
  const stream = async (parameters: object) =>
    (await askForEvents(`${model}/generate_stream`, { text_input: prompt, parameters })) as {
      readonly text_output: string;
      readonly details?: { readonly finish_reason: string | null; readonly token: { readonly id: number } };
    }[];

  test("sends the text in parts, and nothing else", async () => {
    const parts = await stream(greedyParameters);
    expect(parts.map(({ text_output }) => text_output).join("")).toBe(textOf(reference));
    expect(parts.filter((part) => "details" in part)).toEqual([]);
  });

  test("sends one part for each token with details, the last with the reason", async () => {
    const parts = await stream({ ...greedyParameters, details: true });
    expect(parts.map(({ details }) => details?.token.id)).toEqual(greedy.ids);
    const reasons = parts.map(({ details }) => details?.finish_reason);
    expect(reasons).toEqual([...Array<null>(count - 1).fill(null), "length"]);
  });

  test("refuses before it begins", async () => {
    const answer = await ask(`${model}/generate_stream`, { text_input: "" });
    expect(answer).toMatchObject({ status: 422, body: { error: "the prompt has no tokens" } });
  });

  test("that its client leaves frees its slot", async () => {
    const leaving = new AbortController();
    const response = await fetch(`${model}/generate_stream`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text_input: prompt, parameters: { max_tokens: 80 } }),
      signal: leaving.signal,
    });
    await response.body?.getReader().read();
    leaving.abort();
    const { engine } = server;
    await until(() => engine.counts.waiting + engine.counts.prefilling + engine.counts.running === 0);
    expect(engine.counts.freeSlots).toBe(4);
  });
});
