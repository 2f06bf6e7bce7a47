import type { MessageInitShape } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ModelInferRequestSchema as Request,
  ModelInferResponseSchema as Response,
  ModelReadyRequestSchema,
  ModelReadyResponseSchema,
  ServerReadyResponseSchema,
  type InferParameterSchema,
  type ModelInferResponse,
} from "../../../../src/api/grpc/generated/inference/grpc_service_pb.js";
import { complete } from "../../../support/engine.js";
import { encode, finish, only } from "../../../support/grpc.js";
import { ask } from "../../../support/http-texts.js";
import { until } from "../../../support/settled.js";
import { slots, startInference, type InferenceServer } from "./server.js";

const service = "/inference.GRPCInferenceService";
const prompts = ["Once upon a time", "In the beginning", "Café — naïve"];
const [prompt = ""] = prompts;

let server: InferenceServer;
let isReady = true;
beforeAll(async () => {
  server = await startInference(() => isReady);
});
afterAll(async () => server.stop());

type RequestInit = MessageInitShape<typeof Request>;
type Choice = NonNullable<MessageInitShape<typeof InferParameterSchema>["parameterChoice"]>;

const parameter = (parameterChoice: Choice) => ({ parameterChoice });
const integer = (value: number) => parameter({ case: "int64Param", value: BigInt(value) });
const double = (value: number) => parameter({ case: "doubleParam", value });
const string = (value: string) => parameter({ case: "stringParam", value });
const greedy = { temperature: integer(0), max_tokens: integer(12) };

const head = { name: "text_input", datatype: "BYTES" };
const input = (...texts: string[]) => ({
  ...head,
  shape: [BigInt(texts.length)],
  contents: { bytesContents: texts.map((text) => Buffer.from(text)) },
});
const raw = (...texts: string[]) =>
  Buffer.concat(
    texts.flatMap((text) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(text));
      return [length, Buffer.from(text)];
    }),
  );

const call = async (request: RequestInit) =>
  server.client.call(`${service}/ModelInfer`, encode(Request, { modelName: "tiny", ...request }));
const infer = async (request: RequestInit): Promise<ModelInferResponse> => only(Response, await call(request));
const textsOf = ({ outputs }: ModelInferResponse): string[] =>
  outputs
    .filter(({ name }) => name === "text_output")
    .flatMap(({ contents }) => contents?.bytesContents ?? [])
    .map((bytes) => Buffer.from(bytes).toString());
const textOfEngine = async (text: string): Promise<string> =>
  (await complete(server.engine, { prompt: text, maxNewTokens: 12 })).text;

describe("readiness", () => {
  test("is told of the server and of its model", async () => {
    const answers = async () => {
      const model = encode(ModelReadyRequestSchema, { name: "tiny" });
      return [
        only(ServerReadyResponseSchema, await server.client.call(`${service}/ServerReady`)).ready,
        only(ModelReadyResponseSchema, await server.client.call(`${service}/ModelReady`, model)).ready,
      ];
    };
    expect(await answers()).toEqual([true, true]);
    isReady = false;
    const unready = await answers();
    isReady = true;
    expect(unready).toEqual([false, false]);
  });
});

describe("infer", () => {
  test("makes the engine's greedy text for each element, which is the text that REST makes", async () => {
    const texts = textsOf(await infer({ parameters: greedy, inputs: [input(...prompts)] }));
    expect(texts).toEqual(await Promise.all(prompts.map(textOfEngine)));
    const rest = await ask(`${server.url}/v2/models/tiny/infer`, {
      parameters: { temperature: 0, max_tokens: 12 },
      inputs: [{ ...head, shape: [prompts.length], data: prompts }],
    });
    expect(rest.body).toMatchObject({ outputs: [{ name: "text_output", data: texts }, {}, {}, {}] });
  });

  test("takes raw contents, of any shape", async () => {
    const request = { parameters: greedy, rawInputContents: [raw(...prompts)] };
    const expected = await infer({ parameters: greedy, inputs: [input(...prompts)] });
    expect(await infer({ ...request, inputs: [{ ...head, shape: [3n] }] })).toEqual(expected);
    expect(await infer({ ...request, inputs: [{ ...head, shape: [3n, 1n] }] })).toEqual(expected);
  });

  test("tells the outputs that are asked for, in that order, and echoes the id", async () => {
    const outputs = [{ name: "completion_tokens" }, { name: "finish_reason" }];
    expect(await infer({ id: "42", parameters: greedy, inputs: [input(prompt)], outputs })).toMatchObject({
      modelName: "tiny",
      modelVersion: "",
      id: "42",
      outputs: [
        { name: "completion_tokens", datatype: "UINT32", shape: [1n], contents: { uintContents: [12] } },
        {
          name: "finish_reason",
          datatype: "BYTES",
          shape: [1n],
          contents: { bytesContents: [Buffer.from("length")] },
        },
      ],
      rawOutputContents: [],
    });
  });

  test("samples with the parameters given, as numbers or as texts of numbers", async () => {
    const { text } = await complete(server.engine, {
      prompt,
      method: "sample",
      temperature: 1.5,
      topK: 20,
      topP: 0.9,
      seed: 5n,
      maxNewTokens: 12,
    });
    const parameters = { temperature: double(1.5), top_p: double(0.9), top_k: integer(20) };
    const seed = parameter({ case: "uint64Param", value: 5n });
    const numbers = { ...parameters, seed, max_tokens: integer(12) };
    const texts = { ...numbers, temperature: string("1.5"), top_p: string("9e-1"), top_k: string("20") };
    expect(textsOf(await infer({ parameters: numbers, inputs: [input(prompt)] }))).toEqual([text]);
    expect(textsOf(await infer({ parameters: texts, inputs: [input(prompt)] }))).toEqual([text]);
  });

  test("ends at a stop sequence, which stays a text when it looks like a number", async () => {
    const whole = await textOfEngine(prompt);
    const stop = whole.slice(4, 9);
    const include = parameter({ case: "boolParam", value: false });
    const asked = (sequence: string) => ({ ...greedy, stop: string(sequence), include_stop_sequence: include });
    const start = whole.slice(0, whole.indexOf(stop));
    expect(textsOf(await infer({ parameters: asked(stop), inputs: [input(prompt)] }))).toEqual([start]);
    expect(textsOf(await infer({ parameters: asked("12345"), inputs: [input(prompt)] }))).toEqual([whole]);
  });

  test("that its client cancels frees its slots", async () => {
    const parameters = { max_tokens: integer(500), min_tokens: integer(500) };
    const request = encode(Request, { modelName: "tiny", parameters, inputs: [input("a", "b", "c")] });
    const running = server.client.start(`${service}/ModelInfer`, request);
    const answer = finish(running);
    await until(() => server.engine.counts.running === slots);
    running.cancel();
    await until(() => server.engine.counts.running === 0);
    expect(server.engine.counts).toEqual({ waiting: 0, prefilling: 0, running: 0, freeSlots: slots });
    expect((await answer).code).toBe(status.CANCELLED);
  });
});

describe("infer refuses", () => {
  const raws = (...rawInputContents: Uint8Array[]) => ({ inputs: [{ ...head, shape: [1n] }], rawInputContents });
  test.each<[string, RequestInit, string]>([
    ["no input", {}, "inputs must be an array of 1 to 1 items, got 0"],
    ["two inputs", { inputs: [input("a"), input("b")] }, "inputs must be an array of 1 to 1 items, got 2"],
    [
      "another datatype",
      { inputs: [{ ...input(), shape: [1n], datatype: "FP32", contents: { fp32Contents: [1] } }] },
      'input "text_input" must have datatype BYTES, got FP32',
    ],
    [
      "another shape",
      { inputs: [{ ...input("a"), shape: [2n] }] },
      'input "text_input" must have the 2 elements of its shape, got 1',
    ],
    [
      "a negative shape",
      { inputs: [{ ...input("a"), shape: [-1n] }] },
      "inputs[0].shape[0] must be an integer in [0, infinity), got -1",
    ],
    ["no contents", { inputs: [{ ...head, shape: [1n] }] }, 'input "text_input" has no bytes_contents'],
    [
      "contents beside raw ones",
      { inputs: [input("a")], rawInputContents: [raw("a")] },
      'input "text_input" must not have contents beside raw_input_contents',
    ],
    [
      "more raw contents than inputs",
      raws(raw("a"), raw("b")),
      "raw_input_contents must have one entry for each of the 1 inputs, got 2",
    ],
    [
      "a raw length that is cut off",
      raws(raw("a").subarray(0, 3)),
      'raw_input_contents of input "text_input" must be elements behind their 4-byte lengths: it ends inside element 0',
    ],
    [
      "a raw element that is cut off",
      raws(raw("a", "bc").subarray(0, -1)),
      'raw_input_contents of input "text_input" must be elements behind their 4-byte lengths: it ends inside element 1',
    ],
    [
      "bytes that are no text",
      { inputs: [{ ...input("a"), contents: { bytesContents: [Buffer.of(0xff)] } }] },
      'element 0 of input "text_input" must be UTF-8',
    ],
    [
      "an unknown output",
      { inputs: [input("a")], outputs: [{ name: "x" }] },
      'output "x" is unknown: there are text_output, finish_reason, prompt_tokens, completion_tokens',
    ],
    ["a prompt without tokens", { inputs: [input("a", "")] }, "the prompt has no tokens"],
  ])("%s", async (_, request, details) => {
    expect(await call(request)).toMatchObject({ code: status.INVALID_ARGUMENT, details, messages: [] });
  });

  test.each<[string, Choice, string]>([
    ["temperature", { case: "int64Param", value: -1n }, "must be a number in [0, infinity), got -1"],
    ["temperature", { case: "stringParam", value: "hot" }, 'must be a number in [0, infinity), got "hot"'],
    ["temperature", { case: "doubleParam", value: NaN }, "must be a finite number, got NaN"],
    ["max_tokens", { case: "doubleParam", value: 1.5 }, "must be an integer in [1, infinity), got 1.5"],
    ["seed", { case: "uint64Param", value: 2n ** 53n }, "must be an integer of at most 53 bits, got 9007199254740992"],
    ["stop", { case: "boolParam", value: true }, "must be a string or an array of strings, got true"],
  ])("parameter %s as %o", async (name, choice, rule) => {
    const answer = await call({ inputs: [input("a")], parameters: { [name]: parameter(choice) } });
    expect(answer).toMatchObject({ code: status.INVALID_ARGUMENT, details: `parameters.${name} ${rule}` });
  });
});
