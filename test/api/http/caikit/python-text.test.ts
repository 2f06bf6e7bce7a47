import { expect, test } from "vitest";
import { jsonFloat, jsonString, repr } from "../../../../src/api/http/caikit/python-text.js";

test.each([
  [0, "0.0"],
  [-0, "-0.0"],
  [5, "5.0"],
  [-3.900070905685425, "-3.900070905685425"],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [-1.25e-7, "-1.25e-07"],
  [5e-324, "5e-324"],
  [9999999999999998, "9999999999999998.0"],
  [1e16, "1e+16"],
  [1.2345678901234568e17, "1.2345678901234568e+17"],
  [1e100, "1e+100"],
  [NaN, "NaN"],
  [-Infinity, "-Infinity"],
])("the float %s is written as Python writes it", (value, text) => expect(jsonFloat(value)).toBe(text));

test("strings are escaped to printable ASCII, as json.dumps does", () => {
  expect(jsonString('74 dégrees "F"\t\\ \u001e \u007f 🚀 \u2028')).toBe(
    String.raw`"74 d\u00e9grees \"F\"\t\\ \u001e \u007f \ud83d\ude80 \u2028"`,
  );
});

test.each([
  ["plain", "'plain'"],
  ["it's", `"it's"`],
  [`both ' and "`, String.raw`'both \' and "'`],
  ['only "', `'only "'`],
  ["line\nbreak\ttab\\", String.raw`'line\nbreak\ttab\\'`],
  ["\u0000\u007f\u00a0\u2028\u{e0001}", String.raw`'\x00\x7f\xa0\u2028\U000e0001'`],
  ["dégrees 数学 🚀", "'dégrees 数学 🚀'"],
])("repr of %j is Python's", (text, expected) => expect(repr(text)).toBe(expected));
