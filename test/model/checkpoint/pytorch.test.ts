import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckpointError } from "../../../src/errors.js";
import { readPytorchTensors } from "../../../src/model/checkpoint/pytorch.js";
import type { TensorRecord } from "../../../src/model/checkpoint/tensor-record.js";
import { call, op, pickle, stateDict, tensor, torchFile } from "../../support/pytorch.js";
import { zip } from "../../support/zip.js";

const fixtures = join(import.meta.dirname, "../../fixtures");
const file = "pytorch_model.bin";

interface Tensor {
  readonly shape: readonly number[];
  /** In base64, which compares much faster than a buffer. */
  readonly bytes: string;
}

/** The tensors of micro-gpt2 as safetensors has them: the reference for the same weights in other files. */
function referenceTensors(): Map<string, Tensor> {
  const bytes = readFileSync(join(fixtures, "micro-gpt2/model.safetensors"));
  const dataStart = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString("utf8", 8, dataStart)) as Record<string, { shape: number[]; data_offsets: [number, number] }>; // prettier-ignore
  const tensors = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return new Map(
    tensors.map(
      ([
        name,
        {
          shape,
          data_offsets: [start, end],
        },
      ]) => [name, { shape, bytes: bytes.toString("base64", dataStart + start, dataStart + end) }],
    ),
  );
}

/** What lies where the records say. */
function tensorsAt(folder: string, records: readonly TensorRecord[]): Map<string, Tensor> {
  return new Map(
    records.map(({ name, shape, file, offset, byteLength }) => [
      name,
      { shape, bytes: readFileSync(join(folder, file)).toString("base64", offset, offset + byteLength) },
    ]),
  );
}

describe("a checkpoint that torch saved", () => {
  const reference = referenceTensors();

  test("has the names, shapes and bytes that the same weights have in safetensors", () => {
    const folder = join(fixtures, "micro-gpt2-bin");
    const records = readPytorchTensors(folder, file);
    const { "lm_head.weight": head, ...others } = Object.fromEntries(tensorsAt(folder, records));
    expect(others).toEqual(Object.fromEntries(reference));
    expect(head).toEqual(reference.get("transformer.wte.weight"));
    expect(new Set(records.map(({ elementType }) => elementType))).toEqual(new Set(["float32"]));
  });

  test("points tied weights at the same bytes", () => {
    const records = readPytorchTensors(join(fixtures, "micro-gpt2-bin"), file);
    const [embedding, head] = ["transformer.wte.weight", "lm_head.weight"].map((wanted) => {
      return { ...records.find(({ name }) => name === wanted), name: "tied" };
    });
    expect(embedding).toEqual(head);
    expect(embedding).toHaveProperty("byteLength", 600 * 64 * 4);
  });

  test("may be the base model alone, without prefix and with the old attention buffers", () => {
    const folder = join(fixtures, "micro-gpt2-bin-base");
    const records = readPytorchTensors(folder, file);
    const isBuffer = ({ name }: TensorRecord) => /\.attn\.(masked_)?bias$/.test(name);
    const prefixed = records
      .filter((record) => !isBuffer(record))
      .map((r) => ({ ...r, name: `transformer.${r.name}` }));
    expect(tensorsAt(folder, prefixed)).toEqual(reference);
    const buffers = records
      .filter(isBuffer)
      .map((r) => `${r.name} ${r.elementType} [${r.shape.join()}] ${r.byteLength}`);
    expect(buffers).toEqual(
      [0, 1, 2].flatMap((layer) => [
        `h.${layer}.attn.bias uint8 [1,1,96,96] 9216`,
        `h.${layer}.attn.masked_bias float32 [] 4`,
      ]),
    );
  });

  test("begins its storages at multiples of 64 bytes", () => {
    const records = readPytorchTensors(join(fixtures, "micro-gpt2-bin"), file);
    expect(records.filter(({ offset }) => offset % 64 !== 0)).toEqual([]);
  });
});

describe("a file made by hand", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "ortler-pytorch-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function read(bytes: Uint8Array): TensorRecord[] {
    writeFileSync(join(folder, file), bytes);
    return readPytorchTensors(folder, file);
  }

  function tryToRead(bytes: Uint8Array): TensorRecord[] | CheckpointError {
    try {
      return read(bytes);
    } catch (error) {
      if (error instanceof CheckpointError) return error;
      throw error;
    }
  }

  const oneTensor = stateDict({ w: tensor({ key: "0", shape: [2] }) });

  test("places a tensor that begins within its storage by the size of its elements", () => {
    const view = tensor({ storageType: "HalfStorage", key: "0", elements: 8, offset: 3, shape: [2, 2] });
    const [record] = read(torchFile(stateDict({ w: view }), { 0: Buffer.from("00112233445566_7", "latin1") }));
    const { offset = -1, ...rest } = record ?? {};
    expect(rest).toEqual({ name: "w", elementType: "float16", shape: [2, 2], file, byteLength: 8 });
    expect(readFileSync(join(folder, file)).toString("latin1", offset, offset + 8)).toBe("33445566");
  });

  test("may lack the byte order, as before torch 2.1", () => {
    const entries = { "m/data.pkl": oneTensor, "m/data/0": Buffer.alloc(8), "m/version": Buffer.from("3\n") };
    expect(read(zip(Object.entries(entries).map(([name, data]) => ({ name, data }))))).toHaveLength(1);
  });

  test.each([
    ["an empty file", Buffer.alloc(0), "is not a PyTorch checkpoint: it does not begin as a zip file"],
    [
      "text",
      Buffer.from("version https://git-lfs.github.com/spec/v1\n"),
      "is not a PyTorch checkpoint: it does not begin as a zip file",
    ],
    [
      "torch.save's old format",
      Buffer.from("80028a0a6cfc9c46f9206aa850192e80024de9032e", "hex"),
      "was saved in the format of torch before 1.6, which has to be loaded to be read: load it with a current torch and save it again, or save it as safetensors",
    ],
    [
      "a file cut off",
      torchFile(oneTensor, { 0: Buffer.alloc(8) }).subarray(0, -1),
      "has no zip directory at its end: the file is truncated",
    ],
    [
      "another zip file",
      zip([{ name: "word/document.xml", data: Buffer.alloc(1) }]),
      "is not a PyTorch checkpoint: it has 0 entries */data.pkl instead of one",
    ],
    [
      "two checkpoints in one",
      zip(["a", "b"].map((stem) => ({ name: `${stem}/data.pkl`, data: oneTensor }))),
      "is not a PyTorch checkpoint: it has 2 entries */data.pkl instead of one",
    ],
    [
      "a big-endian file",
      torchFile(oneTensor, { 0: Buffer.alloc(8) }, { byteorder: "big" }),
      "has byte order 'big'; only 'little' can be read",
    ],
    [
      "a file of a later format",
      torchFile(oneTensor, { 0: Buffer.alloc(8) }, { version: "11\n" }),
      "has format version '11'; versions 1 to 10 can be read",
    ],
    [
      "a file without a version",
      zip([{ name: "m/data.pkl", data: oneTensor }]),
      "has format version ''; versions 1 to 10 can be read",
    ],
    [
      "a version that is a book",
      torchFile(oneTensor, {}, { version: "3".repeat(65) }),
      "entry 'model/version' has 65 bytes; at most 64 are read",
    ],
    [
      "a pickle of more than 16 MiB",
      torchFile(Buffer.alloc(16 * 2 ** 20 + 1)),
      "entry 'model/data.pkl' has 16777217 bytes; at most 16777216 are read",
    ],
    [
      "code to run",
      torchFile(pickle(call("os", "system", op.text("id")))),
      "model/data.pkl: GLOBAL at byte 2: refused 'os.system', which no state dict needs",
    ],
    [
      "a storage that is not there",
      torchFile(oneTensor),
      "tensor 'w' needs storage '0' with 2 elements of float32, 8 bytes; the file has no bytes for it",
    ],
    [
      "a storage that is too short",
      torchFile(oneTensor, { 0: Buffer.alloc(7) }),
      "tensor 'w' needs storage '0' with 2 elements of float32, 8 bytes; the file has 7 bytes for it",
    ],
    [
      "a storage that is too long",
      torchFile(oneTensor, { 0: Buffer.alloc(9) }),
      "tensor 'w' needs storage '0' with 2 elements of float32, 8 bytes; the file has 9 bytes for it",
    ],
    [
      "a storage elsewhere",
      torchFile(stateDict({ w: tensor({ key: "../version", shape: [1] }) })),
      "tensor 'w' needs storage '../version' with 1 elements of float32, 4 bytes; the file has no bytes for it",
    ],
  ])("is refused, naming the file: %s", (_name, bytes, expected) => {
    expect(() => read(bytes)).toThrow(new CheckpointError(`${file}: ${expected}`));
  });

  test("gives a checkpoint error or a tensor within the file, whichever of its bytes is damaged", () => {
    const whole = torchFile(oneTensor, { 0: Buffer.alloc(8) });
    const outcomes = [...whole.entries()].flatMap<TensorRecord | CheckpointError>(([at, byte]) => {
      const damaged = Buffer.from(whole);
      damaged[at] = byte ^ 0xff;
      return tryToRead(damaged);
    });
    const records = outcomes.filter((outcome): outcome is TensorRecord => !(outcome instanceof CheckpointError));
    expect(records.length).toBeGreaterThan(0); // damage to padding or checksums, which nobody reads
    expect(records.filter(({ offset, byteLength }) => byteLength !== 8 || offset + 8 > whole.length)).toEqual([]);
  });

  test("is refused when it is missing or a folder", () => {
    expect(() => readPytorchTensors(folder, "missing.bin")).toThrow(
      new CheckpointError("missing.bin: cannot be read (ENOENT)"),
    );
    expect(() => readPytorchTensors(tmpdir(), ".")).toThrow(new CheckpointError(".: cannot be read (EISDIR)"));
  });
});
