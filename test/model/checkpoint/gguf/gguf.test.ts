import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckpointError } from "../../../../src/errors.js";
import { readGguf, type GgufFile } from "../../../../src/model/checkpoint/gguf/gguf.js";
import { gguf, text, u32, u64, type GgufParts, type WrittenTensor } from "../../../support/gguf.js";

const file = "model.gguf";
let path = "";
beforeAll(() => {
  path = join(mkdtempSync(join(tmpdir(), "ortler-gguf-")), file);
});
afterAll(() => rmSync(join(path, ".."), { recursive: true }));

function read(bytes: Uint8Array): GgufFile {
  writeFileSync(path, bytes);
  return readGguf(path);
}

const tensor = (name: string, others: Partial<WrittenTensor> = {}): WrittenTensor => ({
  ...{ name, shape: [2, 3], type: 0, data: Buffer.alloc(24, name) },
  ...others,
});

/** GGUF's numbers for types. */
const [stringType, arrayType] = [8, 9];

describe("a sound file", () => {
  test("has its values, of every type, by key", () => {
    const { metadata } = read(
      gguf({
        metadata: {
          a: ["u8", 200],
          b: ["i8", -100],
          c: ["u16", 60_000],
          d: ["i16", -30_000],
          e: ["u32", 4_000_000_000],
          f: ["i32", -2_000_000_000],
          g: ["f32", 0.5],
          h: ["bool", true],
          i: ["string", "Ġnaïve"],
          j: ["u64", 2 ** 53 - 1],
          k: ["i64", -5],
          l: ["f64", 1e-5],
          m: ["string", ["Ġ", "t", ""]],
          n: ["i32", []],
        },
      }),
    );
    const values = Array.from("abcdefghijklmno", (key) => metadata.get(key));
    expect(values).toEqual([
      ...[200, -100, 60_000, -30_000, 4_000_000_000, -2_000_000_000, 0.5, true, "Ġnaïve", 2 ** 53 - 1, -5, 1e-5],
      ...[["Ġ", "t", ""], [], undefined],
    ]);
  });

  test("has its tensors where they lie, shapes from the slowest dimension to the fastest", () => {
    const tensors = [
      tensor("matrix", { shape: [2, 3] }),
      tensor("halves", { shape: [3], type: 1, data: Buffer.alloc(6, "h") }),
      tensor("brain", { shape: [1, 2, 2], type: 30, data: Buffer.alloc(8, "b") }),
      tensor("eight", { shape: [2, 64], type: 8, data: Buffer.alloc(136, "8") }),
      tensor("four", { shape: [32], type: 2, data: Buffer.alloc(18, "4") }),
      tensor("six", { shape: [256], type: 14, data: Buffer.alloc(210, "6") }),
    ];
    const bytes = gguf({ tensors });
    const records = read(bytes).tensors;
    expect(records.map(({ name, elementType, shape }) => `${name} ${elementType} [${shape.join()}]`)).toEqual([
      ...["matrix float32 [2,3]", "halves float16 [3]", "brain bfloat16 [1,2,2]"],
      ...["eight q8_0 [2,64]", "four q4_0 [32]", "six q6_k [256]"],
    ]);
    const contents = records.map(({ offset, byteLength }) => bytes.subarray(offset, offset + byteLength));
    expect(contents.map((content) => content.toString("latin1"))).toEqual(
      tensors.map(({ data }) => Buffer.from(data).toString("latin1")),
    );
  });

  test("may be aligned otherwise, and end without padding", () => {
    const parts = { metadata: { "general.alignment": ["u32", 64] }, alignment: 64 } as const;
    const bytes = gguf({ ...parts, tensors: [tensor("a"), tensor("b")] });
    const [, record] = read(bytes.subarray(0, -40)).tensors;
    expect((record?.offset ?? NaN) % 64).toBe(0);
    expect(bytes.toString("latin1", record?.offset, (record?.offset ?? 0) + 24)).toBe("b".repeat(24));
  });

  test("may describe its tensors in another order than they lie in", () => {
    const tensors = [tensor("a", { offset: 32 }), tensor("b", { offset: 0 })];
    const records = read(gguf({ tensors })).tensors;
    expect((records[0]?.offset ?? NaN) - (records[1]?.offset ?? NaN)).toBe(32);
  });
});

/** A file with one key whose value is these bytes. */
const valueOf = (...bytes: Buffer[]): Buffer => gguf({ metadata: { key: Buffer.concat(bytes) } });
const huge = 2n ** 63n;
const llamaQuantize =
  "convert the original model again, or change the file with llama-quantize --allow-requantize IN OUT Q8_0";
const cases: readonly (readonly [what: string, bytes: Uint8Array, message: string])[] = [
  ["nothing", Buffer.alloc(0), "is not a GGUF file: it does not begin with GGUF"],
  ["another format", gguf({ magic: "GGML" }), "is not a GGUF file: it does not begin with GGUF"],
  ["version 1", gguf({ version: 1 }), "has GGUF version 1; versions 2 and 3 are read"],
  ["a later version", gguf({ version: 4 }), "has GGUF version 4; versions 2 and 3 are read"],
  [
    "big-endian",
    gguf({ version: 0x03000000 }),
    "is big-endian; only little-endian files are read (gguf_convert_endian.py of llama.cpp turns one into the other)",
  ],
  [
    "more tensors than there can be",
    gguf({ tensorCount: huge }),
    "number of tensors is 9223372036854775808, above the limit of 65536",
  ],
  [
    "more keys than there can be",
    gguf({ metadataCount: 65_537 }),
    "number of metadata keys is 65537, above the limit of 65536",
  ],
  [
    "more keys than it has",
    gguf({ metadataCount: 1 }),
    "length of key 0 of the metadata takes bytes [24, 32) of 24: the file is cut off, or a length in it is wrong",
  ],
  [
    "a key longer than its limit",
    Buffer.concat([gguf({ metadataCount: 1 }), u64(65_536)]),
    "length of key 0 of the metadata is 65536, above the limit of 65535",
  ],
  [
    "a key beyond the end",
    Buffer.concat([gguf({ metadataCount: 1 }), u64(10)]),
    "key 0 of the metadata takes bytes [32, 42) of 32: the file is cut off, or a length in it is wrong",
  ],
  [
    "a key twice",
    Buffer.concat([
      gguf({ metadataCount: 2 }),
      ...Array<Buffer>(2).fill(Buffer.concat([text("k"), u32(0), Buffer.of(1)])),
    ]),
    "metadata has 'k' twice",
  ],
  ["a value of an unknown type", valueOf(u32(13)), "'key' has the unknown type 13; types 0 to 12 are known"],
  [
    "a string longer than its limit",
    valueOf(u32(stringType), u64(huge)),
    "length of 'key' is 9223372036854775808, above the limit of 1048576",
  ],
  [
    "a string beyond the end",
    valueOf(u32(stringType), u64(100)),
    "'key' takes bytes [47, 147) of 47: the file is cut off, or a length in it is wrong",
  ],
  ["a string that is no text", valueOf(u32(stringType), u64(1), Buffer.of(0xff)), "'key' is not valid UTF-8"],
  [
    "an array longer than its limit",
    valueOf(u32(arrayType), u32(0), u64(huge)),
    "number of elements of 'key' is 9223372036854775808, above the limit of 1048576",
  ],
  [
    "an array beyond the end",
    valueOf(u32(arrayType), u32(stringType), u64(1000)),
    "'key' has 1000 elements, which take 8000 bytes or more of 0 left",
  ],
  [
    "arrays in arrays",
    valueOf(...Array<Buffer>(1000).fill(u32(arrayType))),
    "'key' is an array of arrays, which is not read",
  ],
  [
    "an array of an unknown type",
    valueOf(u32(arrayType), u32(99), u64(0)),
    "'key' has the unknown type 99; types 0 to 12 are known",
  ],
  [
    "one part of several",
    gguf({ metadata: { "split.count": ["u16", 3] } }),
    "is one of 3 parts of a model: join them with llama-gguf-split --merge",
  ],
  ...[0, 12, 2 ** 21].map(
    (alignment) =>
      [
        `alignment ${alignment}`,
        gguf({ metadata: { "general.alignment": ["u32", alignment] } }),
        `general.alignment must be a multiple of 8 of at most 1048576, got ${alignment}`,
      ] as const,
  ),
  [
    "an alignment that is no number",
    gguf({ metadata: { "general.alignment": ["string", "32"] } }),
    "general.alignment must be a whole number >= 0, got '32'",
  ],
];

const badTensors: readonly (readonly [what: string, parts: Partial<WrittenTensor>, message: string])[] = [
  ["without dimensions", { shape: [] }, "has 0 dimensions; it must have 1 to 4"],
  ["of 5 dimensions", { shape: [1, 1, 1, 1, 1] }, "has 5 dimensions; it must have 1 to 4"],
  [
    "of more bytes than the file",
    { shape: [2 ** 40, 2 ** 40] },
    "of shape [1099511627776, 1099511627776] takes 4.835703278458517e+24 bytes, the whole file has 128",
  ],
  [
    "in Q4_K",
    { type: 12, shape: [256] },
    `is Q4_K, which is not served (F32, F16, BF16, Q8_0, Q4_0, Q6_K are): ${llamaQuantize}`,
  ],
  [
    "of a type that nobody knows",
    { type: 1000 },
    `is of ggml's type 1000, which is not served (F32, F16, BF16, Q8_0, Q4_0, Q6_K are): ${llamaQuantize}`,
  ],
  [
    "with half a block in a row",
    { type: 8, shape: [2, 48] },
    "has rows of 48 elements, which are no whole blocks of 32",
  ],
];

describe("a file is refused, with its name and what is wrong", () => {
  test.each(cases)("%s", (_what, bytes, message) => {
    expect(() => read(bytes)).toThrow(new CheckpointError(`${file}: ${message}`));
  });

  test.each(badTensors)("a tensor %s", (_what, parts, message) => {
    const bytes = gguf({ tensors: [{ ...tensor("t"), data: Buffer.alloc(32), ...parts }] });
    expect(() => read(bytes)).toThrow(new CheckpointError(`${file}: tensor 't' ${message}`));
  });

  test.each<[string, GgufParts & { cut?: number; extra?: number }, string]>([
    ["an empty dimension", { tensors: [tensor("t", { shape: [2, 0] })] }, "dimension 0 of tensor 't' is 0"],
    [
      "a dimension beyond numbers",
      { tensors: [tensor("t", { shape: [2 ** 53] })] },
      "dimension 0 of tensor 't' is 9007199254740992, above the limit of 9007199254740991",
    ],
    [
      "a name longer than its limit",
      { tensors: [tensor("t".repeat(65))] },
      "length of name of tensor 0 is 65, above the limit of 64",
    ],
    ["two tensors of one name", { tensors: [tensor("t"), tensor("t")] }, "has two tensors named 't'"],
    [
      "an offset beyond the end",
      { tensors: [tensor("t", { offset: 2 ** 40 })] },
      "offset of tensor 't' is 1099511627776, above the limit of 128",
    ],
    [
      "tensors that overlap",
      { tensors: [tensor("a"), tensor("b", { offset: 0 })] },
      "tensor 'b' begins at byte 128; the tensor before it ends so that it must begin at 160 (alignment 32)",
    ],
    [
      "bytes between tensors",
      { tensors: [tensor("a"), tensor("b", { offset: 64 })] },
      "tensor 'b' begins at byte 192; the tensor before it ends so that it must begin at 160 (alignment 32)",
    ],
    [
      "a tensor between alignments",
      { tensors: [tensor("a", { offset: 8 })] },
      "tensor 'a' begins at byte 104; the tensor before it ends so that it must begin at 96 (alignment 32)",
    ],
    [
      "a tensor that is cut off",
      { tensors: [tensor("a")], cut: 9 },
      "tensor 'a' ends at byte 120, the file has 119: it is cut off",
    ],
    ["bytes behind the tensors", { tensors: [tensor("a")], extra: 1 }, "the bytes [128, 129) belong to no tensor"],
  ])("%s", (_what, { cut = 0, extra = 0, ...parts }, message) => {
    const whole = gguf(parts);
    const bytes = Buffer.concat([whole.subarray(0, whole.length - cut), Buffer.alloc(extra)]);
    expect(() => read(bytes)).toThrow(new CheckpointError(`${file}: ${message}`));
  });

  test("metadata that is larger than its limit", () => {
    const longest = Buffer.concat([u32(arrayType), u32(12), u64(2 ** 20), Buffer.alloc(8 * 2 ** 20)]);
    const bytes = gguf({ metadata: { a: longest, b: longest } });
    expect(() => read(bytes)).toThrow(
      new CheckpointError(
        `${file}: an element of 'b' ends at byte 16777218; metadata of at most 16777216 bytes is read`,
      ),
    );
  });

  test("one that is missing", () => {
    expect(() => readGguf(join(path, "../missing.gguf"))).toThrow(
      new CheckpointError("missing.gguf: cannot be read (ENOENT)"),
    );
  });
});

describe("a file that is damaged", () => {
  const metadata = { "general.name": ["string", "small"], tokens: ["string", ["a", "b"]], size: ["u32", 7] } as const;
  const whole = gguf({
    metadata,
    tensors: [tensor("a"), tensor("b", { type: 8, shape: [32], data: Buffer.alloc(34) })],
  });

  function attempt(bytes: Uint8Array): GgufFile | CheckpointError {
    try {
      return read(bytes);
    } catch (error) {
      if (error instanceof CheckpointError) return error;
      throw error;
    }
  }

  test("is refused wherever it is cut off", () => {
    const padding = -34 & 31;
    const ends = Array.from({ length: whole.length - padding }, (_, end) => end);
    const accepted = ends.filter((end) => !(attempt(whole.subarray(0, end)) instanceof CheckpointError));
    expect(accepted).toEqual([]);
  });

  test("gives tensors within the file or a checkpoint error, whichever byte is another", () => {
    const outcomes = Array.from(whole, (byte, at) => {
      const damaged = Buffer.from(whole);
      damaged[at] = byte ^ 0xff;
      return attempt(damaged);
    });
    const files = outcomes.filter((outcome): outcome is GgufFile => !(outcome instanceof CheckpointError));
    const records = files.flatMap(({ tensors }) => tensors);
    expect(records.length).toBeGreaterThan(0); // damage to values, names and numbers, which are as good as others
    expect(records.filter(({ offset, byteLength }) => offset < 0 || offset + byteLength > whole.length)).toEqual([]);
  });
});
