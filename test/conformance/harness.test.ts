/** The harness finds what is wrong: a table that every answer passes would prove nothing. */
import { describe, expect, test } from "vitest";
import { differences } from "./compare.js";
import { inferenceMessages } from "./open-inference/fields.js";
import { decodeMessage, encodeMessage } from "./grpc/wire.js";
import { EventReader, readEvents } from "./http/events.js";
import { tgisMessages } from "./tgis/fields.js";
import { joinStream } from "./tgis/stream.js";

describe("comparison", () => {
  test("names each place at which two answers differ, missing and surplus fields among them", () => {
    const actual = { responses: [{ text: "a", seed: "1" }] };
    const expected = { responses: [{ text: "b", input_token_count: 2 }] };
    expect(differences(actual, expected)).toEqual([
      'responses.0.text: "a" instead of "b"',
      "responses.0.input_token_count: undefined instead of 2",
      'responses.0.seed: "1" instead of undefined',
    ]);
    expect(differences([1], [1, 2])).toEqual(["1: undefined instead of 2"]);
  });

  test("allows log-probabilities, and nothing else, to be rounded", () => {
    expect(differences({ logprob: -2.0009 }, { logprob: -2 })).toEqual([]);
    expect(differences({ logprob: -2.0011 }, { logprob: -2 })).toHaveLength(1);
    expect(differences({ logprob: NaN }, { logprob: "NaN" })).toEqual([]);
    expect(differences({ logprob: 0 }, { logprob: "NaN" })).toHaveLength(1);
    expect(differences({ rank: 1.0001 }, { rank: 1 })).toHaveLength(1);
    const lists = { token_logprobs: [-2], top_logprobs: [{ "a.b": -2 }], tokens: ["a"] };
    const rounded = { token_logprobs: [-2.0009], top_logprobs: [{ "a.b": -2.0009 }], tokens: ["a"] };
    expect(differences(rounded, lists)).toEqual([]);
    expect(differences({ top_logprobs: [{ "a.c": -2 }] }, { top_logprobs: [{ "a.b": -2 }] })).toHaveLength(2);
  });

  test("takes any value for an ellipsis, and any text that begins as one that ends in it", () => {
    expect(differences({ id: "cmpl-1", created: 5 }, { id: "cmpl-…", created: "…" })).toEqual([]);
    expect(differences({ id: "chat-1" }, { id: "cmpl-…", created: "…" })).toHaveLength(2);
  });
});

describe("messages", () => {
  test("are written field by field, zeros included", () => {
    const message = { method: "SAMPLE", sampling: { temperature: 0, seed: "300" }, truncate_input_tokens: 0 };
    const bytes = encodeMessage(tgisMessages, "Parameters", message);
    expect(Buffer.from(bytes).toString("hex")).toBe("0801" + "1208" + "0d00000000" + "28ac02" + "3000");
  });

  test("are read without zeros, and with texts that look like names of types", () => {
    const message = { text: "s", stop_reason: "NOT_FINISHED", seed: "0", generated_token_count: 1 };
    const bytes = encodeMessage(tgisMessages, "GenerationResponse", message);
    expect(decodeMessage(tgisMessages, "GenerationResponse", bytes)).toEqual({ text: "s", generated_token_count: 1 });
  });

  test("have maps, packed numbers and bytes", () => {
    const message = {
      parameters: { a: { double_param: 0.5 } },
      inputs: [{ shape: ["2", "300"], contents: { bytes_contents: ["é", { hex: "ff" }] } }],
    };
    const bytes = encodeMessage(inferenceMessages, "ModelInferRequest", message);
    const parameter = "220e" + "0a0161" + "1209" + "21000000000000e03f";
    const input = "2a0e" + "1a03" + "02ac02" + "2a07" + "4202c3a9" + "4201ff";
    expect(Buffer.from(bytes).toString("hex")).toBe(parameter + input);
    const read = decodeMessage(inferenceMessages, "ModelInferRequest", bytes);
    expect(read).toEqual({
      ...message,
      inputs: [{ shape: ["2", "300"], contents: { bytes_contents: ["é", "\ufffd"] } }],
    });
  });

  test.each(["0a0161", "2001"])("with a field that the contract does not have so are refused: %s", (hex) => {
    expect(() => decodeMessage(tgisMessages, "GenerationResponse", Buffer.from(hex, "hex"))).toThrow();
  });
});

describe("a stream", () => {
  const first = { input_token_count: 2, seed: "7" };
  const middle = { generated_token_count: 1, text: "a" };
  const last = { generated_token_count: 2, text: "b", stop_reason: "MAX_TOKENS", seed: "7" };

  test("joins to the unary answer", () => {
    expect(joinStream([first, middle, last], {})).toEqual({
      response: { input_token_count: 2, seed: "7", generated_token_count: 2, text: "ab", stop_reason: "MAX_TOKENS" },
      faults: [],
    });
  });

  test.each([
    [[{ ...first, text: "in" }, middle, last], "first message has text"],
    [[first, { ...middle, seed: "7" }, last], "message has seed"],
    [[first, { ...middle, stop_reason: "MAX_TOKENS" }, last], "message has stop_reason"],
    [[first, middle, { ...last, input_token_count: 2 }], "last message has input_token_count"],
    [[first, middle, { ...last, seed: "8" }], "the first and the last message tell different seeds"],
    [[first, middle, { ...last, generated_token_count: 1 }], "generated_token_count does not rise with every message"],
    [[first, { generated_token_count: 1 }, last], "a message has neither text nor tokens"],
  ])("with a fault has it named: %#", (messages, fault) => {
    expect(joinStream(messages, {}).faults).toEqual([fault]);
  });

  test("counts the tokens that its second message lists", () => {
    const params = { response: { input_tokens: true } };
    const tokens = [{ text: "x" }, { text: "y" }];
    const listed = { input_token_count: 2, input_tokens: tokens };
    expect(joinStream([first, listed, middle, last], params)).toMatchObject({
      response: { input_tokens: tokens },
      faults: [],
    });
    expect(joinStream([first, { input_tokens: tokens }, middle, last], params).faults).toEqual([
      "the second message does not count its input_tokens",
    ]);
  });
});

describe("server-sent events", () => {
  const body = 'event: error\r\ndata: {"é": 1}\r\n\r\n: ping\r\n\r\ndata:two\ndata: lines\n\n';
  const events = [
    { event: "error", data: '{"é": 1}' },
    { event: "message", data: "two\nlines" },
  ];

  test("are the same however the bytes come", () => {
    expect(readEvents(body)).toEqual(events);
    const reader = new EventReader();
    const told = Array.from(Buffer.from(body)).flatMap((byte) => reader.push(Uint8Array.of(byte)));
    expect(told).toEqual(events);
    expect(reader.isAtEvent).toBe(true);
  });

  test.each(["data: x", "data: x\n", "data: x\n\ndata"])("that end early are refused: %j", (cut) => {
    expect(() => readEvents(cut)).toThrow("ends inside an event");
  });
});
