import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { decode } from "../../../src/api/grpc/decode.js";
import { TextGenerationTaskRequestSchema as schema } from "../../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import { ModelInfoSchema } from "../../../src/api/grpc/generated/caikit_data_model/common/runtime_pb.js";
import { encode } from "../../support/grpc.js";

const hex = (bytes: string) => Buffer.from(bytes, "hex");

test("reads every kind of field", () => {
  const message = {
    text: "é",
    maxNewTokens: -1n,
    topP: 0.5,
    seed: 2n ** 64n - 1n,
    stopSequences: ["a", ""],
    inputTokens: true,
    exponentialDecayLengthPenalty: { startIndex: 3n, decayFactor: 1.5 },
  };
  expect(decode(schema, encode(schema, message))).toMatchObject(message);
});

test("reads maps and nested structs whole", () => {
  const info = { moduleMetadata: { name: "x" }, metadata: { nested: { list: [1, "two"] } } };
  expect(decode(ModelInfoSchema, encode(ModelInfoSchema, info))).toMatchObject(info);
});

test("tells an explicit zero from an absent field", () => {
  expect(decode(schema, hex("1000")).maxNewTokens).toBe(0n);
  expect(decode(schema, hex("")).maxNewTokens).toBeUndefined();
});

test("ignores a field with another wire type than its own: seed where repetition_penalty is now, in older clients", () => {
  const request = decode(schema, hex("0a09546865207768616c65100350076005"));
  expect(request).toMatchObject({ text: "The whale", maxNewTokens: 3n });
  expect(request.repetitionPenalty).toBeUndefined();
  expect(request.exponentialDecayLengthPenalty).toBeUndefined();
});

test("ignores such a field inside a nested message, and reads on behind it", () => {
  const nested = new BinaryWriter().tag(1, WireType.Bit32).fixed32(7).tag(2, WireType.Bit64).double(2).finish();
  const bytes = new BinaryWriter()
    .tag(12, WireType.LengthDelimited)
    .bytes(nested)
    .tag(2, WireType.Varint)
    .int64(5)
    .finish();
  expect(decode(schema, bytes)).toMatchObject({
    maxNewTokens: 5n,
    exponentialDecayLengthPenalty: { startIndex: 0n, decayFactor: 2 },
  });
});

test("merges a message field that is sent twice, and takes the last of a scalar", () => {
  const bytes = Buffer.concat([
    encode(schema, { text: "a", exponentialDecayLengthPenalty: { startIndex: 3n } }),
    encode(schema, { text: "b", exponentialDecayLengthPenalty: { decayFactor: 2 } }),
  ]);
  expect(decode(schema, bytes)).toMatchObject({
    text: "b",
    exponentialDecayLengthPenalty: { startIndex: 3n, decayFactor: 2 },
  });
});

test.each([
  ["a tag that does not end", "ffff"],
  ["a string longer than the message", "0a0541"],
  ["text that is not UTF-8", "0a01ff"],
  ["field number 0", "0001"],
  ["a wire type that does not exist", "0e01"],
  ["the end of a group that never began", "0c"],
  ["a nested message that is cut off", "6203110000"],
])("refuses %s", (_, bytes) => {
  expect(() => decode(schema, hex(bytes))).toThrow(
    expect.objectContaining({ code: status.INTERNAL, message: "Exception deserializing request!" }),
  );
});
