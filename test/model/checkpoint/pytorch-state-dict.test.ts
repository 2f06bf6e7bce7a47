import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../../src/errors.js";
import { readStateDict } from "../../../src/model/checkpoint/pytorch-state-dict.js";
import { call, op, pickle, stateDict, storage, tensor, tuple } from "../../support/pytorch.js";

/** One line for each tensor: `name: type[shape] of storage [start, end)/elements`. */
function lines(pickled: Uint8Array): string[] {
  return readStateDict(pickled).map(
    ({ name, storage: { elementType, key, elements: all }, shape, start, elements }) =>
      `${name}: ${elementType}[${shape.join()}] of ${key} [${start}, ${start + elements})/${all}`,
  );
}

function refusal(pickled: Uint8Array): string {
  try {
    readStateDict(pickled);
  } catch (error) {
    if (error instanceof CheckpointError) return error.message;
    throw error;
  }
  return "no error";
}

/**
 * Pickled by CPython 3.11 with stand-ins for torch's classes: two views of one storage, the second a Parameter, then
 * 4 elements at 65,536 of a half storage of 70,000; `_metadata` as an attribute.
 */
const byCpython = {
  2: "gAJjY29sbGVjdGlvbnMKT3JkZXJlZERpY3QKcQApUnEBKFgKAAAAd3RlLndlaWdodHECY3RvcmNoLl91dGlscwpfcmVidWlsZF90ZW5zb3JfdjIKcQMoKFgHAAAAc3RvcmFnZXEEY3RvcmNoCkZsb2F0U3RvcmFnZQpxBVgBAAAAMHEGWAYAAABjdWRhOjBxB0sGdHEIUUsAY3RvcmNoClNpemUKcQlLAksDhnEKhXELUnEMSwNLAYZxDYloAClScQ50cQ9ScRBYDgAAAGxtX2hlYWQud2VpZ2h0cRFjdG9yY2guX3V0aWxzCl9yZWJ1aWxkX3BhcmFtZXRlcgpxEmgDKChoBGgFaAZoB0sGdHETUUsASwJLA4ZxFGgNiWgAKVJxFXRxFlJxF4hoAClScRiHcRlScRpYBAAAAGhhbGZxG2gDKChoBGN0b3JjaApIYWxmU3RvcmFnZQpxHFgBAAAAMXEdaAdKcBEBAHRxHlFKAAABAEsEhXEfSwGFcSCJaAApUnEhdHEiUnEjdX1xJFgJAAAAX21ldGFkYXRhcSVoAClScSYoWAAAAABxJ31xKFgHAAAAdmVyc2lvbnEpSwFzWAMAAAB3dGVxKn1xK2gpSwJzdXNiLg==",
  4: "gASViAEAAAAAAACMC2NvbGxlY3Rpb25zlIwLT3JkZXJlZERpY3SUk5QpUpQojAp3dGUud2VpZ2h0lIwMdG9yY2guX3V0aWxzlIwSX3JlYnVpbGRfdGVuc29yX3YylJOUKCiMB3N0b3JhZ2WUjAV0b3JjaJSMDEZsb2F0U3RvcmFnZZSTlIwBMJSMBmN1ZGE6MJRLBnSUUUsAaAmMBFNpemWUk5RLAksDhpSFlFKUSwNLAYaUiWgCKVKUdJRSlIwObG1faGVhZC53ZWlnaHSUaAWMEl9yZWJ1aWxkX3BhcmFtZXRlcpSTlGgHKChoCGgLaAxoDUsGdJRRSwBLAksDhpRoFIloAilSlHSUUpSIaAIpUpSHlFKUjARoYWxmlGgHKChoCGgJjAtIYWxmU3RvcmFnZZSTlIwBMZRoDUpwEQEAdJRRSgAAAQBLBIWUSwGFlIloAilSlHSUUpR1fZSMCV9tZXRhZGF0YZRoAilSlCiMAJR9lIwHdmVyc2lvbpRLAXOMA3d0ZZR9lGgySwJzdXNiLg==",
};

describe("a state dict", () => {
  test.each([
    ["protocol 2, as torch.save does", byCpython[2]],
    ["protocol 4", byCpython[4]],
  ])("is read as CPython pickles it with %s", (_name, base64) => {
    expect(lines(Buffer.from(base64, "base64"))).toEqual([
      "wte.weight: float32[2,3] of 0 [0, 6)/6",
      "lm_head.weight: float32[2,3] of 0 [0, 6)/6",
      "half: float16[4] of 1 [65536, 65540)/70000",
    ]);
  });

  test.each([
    ["FloatStorage", "float32"],
    ["HalfStorage", "float16"],
    ["BFloat16Storage", "bfloat16"],
    ["DoubleStorage", "float64"],
    ["LongStorage", "int64"],
    ["IntStorage", "int32"],
    ["ShortStorage", "int16"],
    ["CharStorage", "int8"],
    ["ByteStorage", "uint8"],
    ["BoolStorage", "bool"],
  ])("takes torch.%s for %s", (storageType, elementType) => {
    expect(lines(stateDict({ t: tensor({ storageType, key: "7", shape: [2] }) }))).toEqual([
      `t: ${elementType}[2] of 7 [0, 2)/2`,
    ]);
  });

  test("takes scalars, tensors without elements, and any strides of dimensions that have none to step over", () => {
    const pickled = stateDict({
      scalar: tensor({ key: "0", shape: [] }),
      empty: tensor({ key: "1", shape: [3, 0, 2], strides: [9, 9, 9] }),
      row: tensor({ key: "2", shape: [1, 4], strides: [77, 1] }),
      column: tensor({ key: "3", shape: [4, 1], strides: [1, 77] }),
    });
    expect(lines(pickled)).toEqual([
      "scalar: float32[] of 0 [0, 1)/1",
      "empty: float32[3,0,2] of 1 [0, 0)/0",
      "row: float32[1,4] of 2 [0, 4)/4",
      "column: float32[4,1] of 3 [0, 4)/4",
    ]);
  });

  test("may be a plain dictionary, and empty", () => {
    expect(lines(pickle(op.emptyDict))).toEqual([]);
  });

  test("keeps the last of two tensors with one name, as Python does", () => {
    const item = (key: string) => [op.text("t"), tensor({ key, shape: [1] }), op.setItem];
    expect(lines(pickle(op.emptyDict, ...item("0"), ...item("1")))).toEqual(["t: float32[1] of 1 [0, 1)/1"]);
  });
});

describe("a tensor that is no contiguous run of elements", () => {
  test.each([
    ["transposed", { shape: [2, 3], strides: [1, 2] }, "shape [2, 3] and strides [1, 2]"],
    ["every other column", { shape: [2, 3], strides: [6, 2], elements: 12 }, "shape [2, 3] and strides [6, 2]"],
    ["expanded", { shape: [2, 3], strides: [0, 1], elements: 3 }, "shape [2, 3] and strides [0, 1]"],
  ])("is refused by name: %s", (_name, view, expected) => {
    expect(refusal(stateDict({ "h.0.w": tensor({ key: "0", ...view }) }))).toBe(
      `tensor 'h.0.w': is a view with ${expected} that is not contiguous; save it with .contiguous() or as safetensors`,
    );
  });

  test.each([
    ["one element too long", { shape: [7], elements: 6 }, "takes elements [0, 7) of storage '0', which has 6"],
    [
      "one element too far",
      { shape: [6], elements: 6, offset: 1 },
      "takes elements [1, 7) of storage '0', which has 6",
    ],
    [
      "empty and beyond the end",
      { shape: [0], elements: 6, offset: 7 },
      "takes elements [7, 7) of storage '0', which has 6",
    ],
    [
      "of more elements than there are numbers",
      {
        shape: Array<number>(30).fill(2 ** 40),
        strides: Array.from({ length: 30 }, (_, i) => (i === 29 ? 1 : 0)),
        elements: 6,
      },
      "is a view with shape [1099511627776, ",
    ],
  ])("is refused by name: %s", (_name, view, expected) => {
    expect(refusal(stateDict({ w: tensor({ key: "0", ...view }) }))).toContain(`tensor 'w': ${expected}`);
  });

  test("has no elements when any dimension is 0, however large the others", () => {
    const shape = [...Array<number>(30).fill(2 ** 40), 0];
    expect(readStateDict(stateDict({ w: tensor({ key: "0", shape, strides: shape, elements: 0 }) }))).toEqual([
      expect.objectContaining({ name: "w", elements: 0 }),
    ]);
  });
});

describe("a pickle that is no state dict", () => {
  const someStorage = storage("FloatStorage", "0", 1);
  const rebuild = (...args: Buffer[]) => call("torch._utils", "_rebuild_tensor_v2", ...args);
  const shapeOf = (...items: Buffer[]) => tuple(items);

  test.each([
    [
      "code to run",
      pickle(call("os", "system", op.text("id"))),
      "GLOBAL at byte 2: refused 'os.system', which no state dict needs",
    ],
    [
      "another storage type",
      pickle(op.global("torch", "QInt8Storage")),
      "GLOBAL at byte 2: refused 'torch.QInt8Storage', which no state dict needs",
    ],
    [
      "a tensor of another layout",
      pickle(op.global("torch._utils", "_rebuild_sparse_tensor")),
      "GLOBAL at byte 2: refused 'torch._utils._rebuild_sparse_tensor', which no state dict needs",
    ],
    [
      "a pickled module",
      pickle(op.global("transformers.models.gpt2", "GPT2Model")),
      "GLOBAL at byte 2: refused 'transformers.models.gpt2.GPT2Model', which no state dict needs",
    ],
    [
      "a single tensor",
      pickle(tensor({ key: "0", shape: [1] })),
      "holds a tensor or storage, not a dictionary of tensors",
    ],
    ["a number", pickle(op.int(3)), "holds the number 3, not a dictionary of tensors"],
    [
      "a training checkpoint",
      stateDict({ epoch: op.int(3) }),
      "holds the number 3 under 'epoch' where a tensor was expected: is it a training checkpoint?",
    ],
    [
      "a dictionary within",
      stateDict({ model: op.emptyDict }),
      "holds a dictionary under 'model' where a tensor was expected: is it a training checkpoint?",
    ],
    [
      "a storage called",
      pickle(op.global("torch", "FloatStorage"), op.emptyTuple, op.reduce),
      /the name torch.FloatStorage cannot be called$/,
    ],
    [
      "a persistent id of another kind",
      pickle(op.text("x"), op.persistentId),
      /the persistent id is not that of a tensor's storage$/,
    ],
    [
      "a storage of a function",
      pickle(
        tuple([op.text("storage"), op.global("torch", "Size"), op.text("0"), op.text("cpu"), op.int(1)]),
        op.persistentId,
      ),
      /the persistent id is not that of a tensor's storage$/,
    ],
    [
      "a storage of -1 elements",
      pickle(storage("FloatStorage", "0", -1)),
      /the storage's number of elements must be a whole number of 0 or more, is the number -1$/,
    ],
    ["too few arguments", pickle(rebuild(someStorage)), /_rebuild_tensor_v2 takes 6 arguments, got 1$/],
    [
      "a view with metadata",
      pickle(rebuild(someStorage, op.int(0), tuple([]), tuple([]), op.no, op.emptyDict, op.emptyDict)),
      /_rebuild_tensor_v2 takes 6 arguments, got 7$/,
    ],
    [
      "a tensor without storage",
      pickle(rebuild(op.none, op.int(0), tuple([]), tuple([]), op.no, op.emptyDict)),
      /_rebuild_tensor_v2 takes a storage, got None$/,
    ],
    [
      "a negative offset",
      pickle(rebuild(someStorage, op.int(-1), tuple([]), tuple([]), op.no, op.emptyDict)),
      /the storage offset must be a whole number of 0 or more, is the number -1$/,
    ],
    [
      "a negative size",
      pickle(rebuild(someStorage, op.int(0), shapeOf(op.int(-1)), tuple([op.int(1)]), op.no, op.emptyDict)),
      /an item of a shape must be a whole number of 0 or more, is the number -1$/,
    ],
    [
      "a shape that is no tuple",
      pickle(rebuild(someStorage, op.int(0), op.int(1), tuple([]), op.no, op.emptyDict)),
      /a shape must be a tuple, is the number 1$/,
    ],
    [
      "strides for another rank",
      pickle(rebuild(someStorage, op.int(0), tuple([]), tuple([op.int(1)]), op.no, op.emptyDict)),
      /a shape of 0 dimensions with strides for 1$/,
    ],
    [
      "more dimensions than torch has",
      pickle(call("torch", "Size", tuple(Array<Buffer>(65).fill(op.int(1))))),
      /a torch.Size has 65 dimensions, more than 64$/,
    ],
    [
      "a parameter of no tensor",
      pickle(call("torch._utils", "_rebuild_parameter")),
      /_rebuild_parameter takes a tensor, got nothing$/,
    ],
    [
      "an OrderedDict with arguments",
      pickle(call("collections", "OrderedDict", op.int(1))),
      /OrderedDict takes no arguments here, got 1$/,
    ],
  ])("is refused: %s", (_name, pickled, expected) => {
    expect(refusal(pickled)).toMatch(expected);
  });
});
