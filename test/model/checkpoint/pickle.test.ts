import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../../src/errors.js";
import {
  PickleDict,
  PickleGlobal,
  type PickleScope,
  PickleTuple,
} from "../../../src/model/checkpoint/pickle-values.js";
import { unpickle } from "../../../src/model/checkpoint/pickle.js";
import { call, op, pickle, stateDict, tuple } from "../../support/pytorch.js";

const scope: PickleScope = {
  globals: new Map([
    ["collections.OrderedDict", new PickleGlobal("collections.OrderedDict", () => new PickleDict())],
    ["builtins.max", new PickleGlobal("builtins.max", (args) => Math.max(...args.map(Number)))],
    ["torch.FloatStorage", new PickleGlobal("torch.FloatStorage")],
  ]),
  persistentLoad: (id) => ({ id }),
};

/** The value as plain data: arrays for tuples, objects for dictionaries. */
function load(...opcodes: Buffer[]): unknown {
  return plain(unpickle(pickle(...opcodes), scope));
}

function plain(value: unknown): unknown {
  if (value instanceof PickleTuple) return value.items.map(plain);
  if (value instanceof PickleDict)
    return Object.fromEntries([...value.entries].map(([key, item]) => [key, plain(item)]));
  return value;
}

function refusal(...opcodes: Buffer[]): string {
  return messageOf(pickle(...opcodes));
}

function messageOf(pickled: Uint8Array): string {
  try {
    unpickle(pickled, scope);
  } catch (error) {
    if (error instanceof CheckpointError) return error.message;
    throw error;
  }
  return "no error";
}

const latin1 = (text: string) => Buffer.from(text, "latin1");

describe("values", () => {
  test.each([
    ["NONE", "N", null],
    ["NEWTRUE", "\x88", true],
    ["NEWFALSE", "\x89", false],
    ["BININT1", "K\xff", 255],
    ["BININT2", "M\x01\x02", 0x0201],
    ["a negative BININT", "J\xfe\xff\xff\xff", -2],
    ["an empty LONG1", "\x8a\x00", 0],
    ["a negative LONG1", "\x8a\x02\x00\xff", -256],
    ["LONG1 of more than 32 bits", "\x8a\x06\x00\x00\x00\x00\x00\x01", 2 ** 40],
    ["BINFLOAT", "G\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5],
    ["BINUNICODE", "X\x02\x00\x00\x00\xc3\xa9", "é"],
    ["SHORT_BINUNICODE", "\x8c\x01a", "a"],
    ["EMPTY_TUPLE", ")", []],
    ["TUPLE1", "K\x01\x85", [1]],
    ["TUPLE2", "K\x01K\x02\x86", [1, 2]],
    ["TUPLE3", "K\x01K\x02K\x03\x87", [1, 2, 3]],
    ["TUPLE within TUPLE", "(K\x01(K\x02ttK\x03\x86", [[1, [2]], 3]],
    ["SETITEM", "}\x8c\x01aK\x01s", { a: 1 }],
    ["SETITEMS", "}(\x8c\x01aK\x01\x8c\x01bK\x02u", { a: 1, b: 2 }],
    ["BINPUT and BINGET", "K\x07q\x00h\x00\x86", [7, 7]],
    ["LONG_BINPUT and LONG_BINGET", "K\x07r\xff\xff\xff\xffj\xff\xff\xff\xff\x86", [7, 7]],
    ["MEMOIZE, which counts from 0", "K\x07\x94K\x08\x94h\x00h\x01\x86\x86\x86", [7, [8, [7, 8]]]],
    ["BINPERSID", "\x8c\x01aQ", { id: "a" }],
    ["FRAME", "\x95\x02\x00\x00\x00\x00\x00\x00\x00K\x01", 1],
  ])("reads %s", (_name, opcodes, expected) => {
    expect(load(latin1(opcodes))).toEqual(expected);
  });

  test("calls a global of the scope with the arguments of REDUCE", () => {
    expect(load(call("builtins", "max", op.int(3), op.int(9), op.int(4)))).toBe(9);
    expect(load(op.stackGlobal("builtins", "max"), op.int(5), op.tuple1, op.reduce)).toBe(5);
  });

  test("keeps a dictionary's items and drops the attributes that BUILD sets on it", () => {
    const metadata = [op.emptyDict, op.text("_metadata"), op.emptyDict, op.setItem];
    const dict = call("collections", "OrderedDict");
    expect(load(dict, op.text("a"), op.int(1), op.setItem, ...metadata, op.build)).toEqual({ a: 1 });
  });

  test("takes names like __proto__ as names", () => {
    const value = unpickle(stateDict({ ["__proto__"]: op.int(1), constructor: op.int(2) }), scope);
    expect(value).toEqual(expect.objectContaining({ entries: new Map([["__proto__", 1], ["constructor", 2]]) })); // prettier-ignore
  });
});

describe("names outside the scope", () => {
  const command = tuple([op.text("touch /tmp/owned")]);

  test.each([
    ["os.system", call("os", "system", op.text("id")), "GLOBAL at byte 2: refused 'os.system'"],
    ["posix.system", call("posix", "system", op.text("id")), "GLOBAL at byte 2: refused 'posix.system'"],
    ["eval of Python 2", call("__builtin__", "eval", op.text("1")), "GLOBAL at byte 2: refused '__builtin__.eval'"],
    ["eval", call("builtins", "eval", op.text("1")), "GLOBAL at byte 2: refused 'builtins.eval'"],
    ["a name never called", op.global("subprocess", "Popen"), "GLOBAL at byte 2: refused 'subprocess.Popen'"],
    ["a module's own name", op.global("torch", "load"), "GLOBAL at byte 2: refused 'torch.load'"],
    [
      "a property of every object",
      op.global("constructor", "constructor"),
      "GLOBAL at byte 2: refused 'constructor.constructor'",
    ],
    [
      "STACK_GLOBAL",
      Buffer.concat([op.stackGlobal("os", "system"), command, op.reduce]),
      "STACK_GLOBAL at byte 20: refused 'os.system'",
    ],
  ])("refuses %s by name, before it could be called", (_name, opcodes, expected) => {
    expect(refusal(opcodes)).toBe(`${expected}, which no state dict needs`);
  });

  test("shows control characters in a refused name, and not more than 100 characters of it", () => {
    expect(refusal(op.stackGlobal("a\u001b[2J", "b"))).toContain("refused 'a\\x1B[2J.b'");
    expect(refusal(op.global("m", "x".repeat(1000)))).toContain(`refused 'm.${"x".repeat(98)}'... 902 more characters`);
  });

  test.each([
    ["INST", "(ios\nsystem\n", "0x69 at byte 3"],
    ["OBJ", "(o", "0x6f at byte 3"],
    ["NEWOBJ", ")\x81", "0x81 at byte 3"],
    ["NEWOBJ_EX", ")\x92", "0x92 at byte 3"],
    ["EXT1", "\x82\x01", "0x82 at byte 2"],
    ["PERSID", "Pid\n", "0x50 at byte 2"],
    ["EMPTY_LIST", "]", "0x5d at byte 2"],
    ["BYTEARRAY8", "\x96", "0x96 at byte 2"],
    ["an unknown opcode", "\xff", "0xff at byte 2"],
  ])("refuses the opcode %s", (_name, opcodes, expected) => {
    expect(refusal(latin1(opcodes))).toBe(`pickle opcode ${expected} is refused: no state dict needs it`);
  });

  test("refuses to call what is only a name, or a value", () => {
    expect(refusal(op.global("torch", "FloatStorage"), op.emptyTuple, op.reduce)).toBe(
      "REDUCE at byte 23: the name torch.FloatStorage cannot be called",
    );
    expect(refusal(op.text("eval"), op.emptyTuple, op.reduce)).toBe("REDUCE at byte 12: a string cannot be called");
    expect(refusal(op.global("builtins", "max"), op.emptyDict, op.reduce)).toBe(
      "REDUCE at byte 17: the arguments are a dictionary, not a tuple",
    );
  });

  test("refuses a STACK_GLOBAL that is not named by strings", () => {
    expect(refusal(op.int(1), op.text("system"), latin1("\x93"))).toContain("named by the number 1 and a string");
  });
});

describe("damaged pickles", () => {
  test.each([
    ["no value for STOP", "", "STOP at byte 2: no value on the stack"],
    ["no value for TUPLE2", "N\x86", "TUPLE2 at byte 3: no value on the stack"],
    ["a value from outside the open group", "N(\x85", "TUPLE1 at byte 4: no value on the stack"],
    ["no mark", "Nt", "TUPLE at byte 3: no group is open"],
    ["a memo that was never stored", "h\x05", "BINGET at byte 2: memo 5 was never stored"],
    ["items set on a tuple", ")NNs", "SETITEM at byte 5: a tuple of 0 cannot take items"],
    ["a key without a value", "}(\x8c\x01au", "SETITEMS at byte 7: a key without a value"],
    ["a key that is not a string", "}K\x01Ns", "SETITEM at byte 6: a dictionary key is the number 1, not a string"],
    ["attributes on a tuple", ")}b", "BUILD at byte 4: a tuple of 0 cannot take attributes from a dictionary"],
    ["an integer of 255 bytes", "\x8a\xff", "LONG1 at byte 2: an integer of 255 bytes is too large"],
    [
      "an integer beyond 2^53",
      "\x8a\x08\x01\x00\x00\x00\x00\x00\x20\x00",
      "LONG1 at byte 2: the integer 9007199254740992 is too large",
    ],
    [
      "a string longer than the pickle",
      "X\xff\xff\xff\xffab",
      "BINUNICODE at byte 2: the pickle is cut off: 4294967295 bytes wanted, 3 left",
    ],
    ["a global without an end", "cos", "GLOBAL at byte 2: the pickle ends in the middle of a line"],
    ["a newer protocol", "\x80\x06", "PROTO at byte 2: pickle protocol 6 is newer than 5"],
  ])("refuses %s", (_name, opcodes, expected) => {
    expect(refusal(latin1(opcodes))).toBe(expected);
  });

  test("refuses a pickle cut off anywhere", () => {
    const whole = stateDict({ a: op.int(1), b: tuple([op.int(2)]) });
    const cuts = Array.from({ length: whole.length }, (_, length) => messageOf(whole.subarray(0, length)));
    expect(cuts.filter((message) => !/cut off|middle of a line/.test(message))).toEqual([]);
    expect(messageOf(whole)).toBe("no error");
  });
});

describe("bombs", () => {
  test("stops at more values, groups or memos than a state dict has", () => {
    expect(refusal(Buffer.alloc(100_001, "N"))).toBe("NONE at byte 100002: more than 100000 values at once");
    expect(refusal(Buffer.alloc(1_001, "("))).toBe("MARK at byte 1002: more than 1000 groups within each other");
    const memos = latin1("N" + "\x94".repeat(1_000_001));
    expect(refusal(memos)).toBe("MEMOIZE at byte 1000003: more than 1000000 values to remember");
  });

  test("takes a tuple that doubles in each of 1,000 levels as what it is, without expanding it", () => {
    const doubled = latin1("\x94h\x00\x86" + "r\x01\x00\x00\x00j\x01\x00\x00\x00\x86".repeat(1_000));
    expect(unpickle(pickle(op.emptyTuple, doubled), scope)).toBeInstanceOf(PickleTuple);
  });

  test("takes a tuple nested 100,000 deep without recursion", () => {
    expect(unpickle(pickle(op.none, Buffer.alloc(100_000, 0x85)), scope)).toBeInstanceOf(PickleTuple);
  });
});
