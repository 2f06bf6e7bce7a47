import { expect, test } from "vitest";
import { JsonError, readJson } from "../../../../src/api/http/caikit/json.js";
import { readRestRows } from "./transcripts.js";

test("integers are read exactly, whatever their size, and apart from floats", () => {
  expect(readJson("[18446744073709551615, -9223372036854775809, 0, -0, 5.0, 1e3, 1e400, -0.5E-2]")).toEqual([
    18446744073709551615n,
    -9223372036854775809n,
    0n,
    0n,
    5,
    1000,
    Infinity,
    -0.005,
  ]);
});

test("the literals of Python's JSON are numbers", () => {
  expect(readJson("[NaN, Infinity, -Infinity, null, true, false]")).toEqual([
    NaN,
    Infinity,
    -Infinity,
    null,
    true,
    false,
  ]);
});

test("of equal keys the last one counts", () => {
  expect(readJson(' { "a" : 1 ,\t"b":{},\r\n"a":"x\\n\\u00e9\\ud83d\\ude80" } ')).toEqual(
    new Map<string, unknown>([
      ["a", "x\né🚀"],
      ["b", new Map()],
    ]),
  );
});

test("what JSON.parse reads, and writes again, is read the same", () => {
  const value = { a: [1.5, '\u0000\\"/\b\f', [], [[true]], { "": null }], é: -1e-9 };
  const text = JSON.stringify(value, null, 2);
  const plain = (read: unknown): unknown => {
    if (read instanceof Map) return Object.fromEntries([...read].map(([key, each]) => [key, plain(each)]));
    return Array.isArray(read) ? read.map(plain) : read;
  };
  expect(plain(readJson(text))).toEqual(value);
});

const recorded = readRestRows()
  .filter(({ compare, name }) => compare === "validation-json" && !name.startsWith("lone surrogate"))
  .map(({ name, request, response }): [string, string, string] => {
    const { additional_info: issues } = JSON.parse(response.body) as { additional_info: [{ ctx: { error: string } }] };
    return [name, request.body ?? "", issues[0].ctx.error];
  });

test.each(recorded)("%s: refused with the original's reason and position", (_, text, reason) => {
  expect(() => readJson(text)).toThrow(reason);
});

test.each([
  ["01", "invalid number at line 1 column 1"],
  ["1.", "invalid number at line 1 column 1"],
  ["-", "invalid number at line 1 column 1"],
  ["[1,\n 2 3]", "expected `,` or `]` at line 2 column 4"],
  ['{"a" 1}', "expected `:` at line 1 column 6"],
  ["[1,]", "trailing comma at line 1 column 4"],
  ["[", "EOF while parsing a value at line 1 column 1"],
  ["[1", "EOF while parsing a list at line 1 column 2"],
  ['"a', "EOF while parsing a string at line 1 column 2"],
  ['"a\\"', "EOF while parsing a string at line 1 column 4"],
  ['"a\nb"', "invalid escape or control character in a string at line 1 column 1"],
  ['"\\x"', "invalid escape or control character in a string at line 1 column 1"],
  ['"\\udc00"', "lone surrogate in hex escape at line 1 column 1"],
  ["nul", "expected value at line 1 column 1"],
  ["undefined", "expected value at line 1 column 1"],
])("%j is refused: %s", (text, reason) => expect(() => readJson(text)).toThrow(new JsonError(reason)));

test("depth and length are bounded, so that no body exhausts the stack or the processor", () => {
  expect(() => readJson("[".repeat(100_000))).toThrow("recursion limit exceeded");
  expect(() => readJson("9".repeat(100_000))).toThrow("number out of range");
});
