import { expect, test } from "vitest";
import {
  anyOf,
  boolean,
  FieldError,
  integer,
  listOf,
  mapOf,
  mapped,
  number,
  object,
  optional,
  string,
  withDefault,
  type Field,
} from "../../src/api/fields.js";

const body = object({
  name: string,
  size: withDefault(integer({ minimum: 1, maximum: 9 }), 3),
  share: optional(number({ exclusiveMinimum: 0, maximum: 1 })),
  inner: optional(object({ flags: listOf(boolean, { maxItems: 2 }) })),
  bias: optional(mapOf(number())),
  stop: withDefault(
    anyOf<readonly string[]>(
      "a string or an array of strings",
      mapped(string, (text) => [text]),
      listOf(string),
    ),
    [],
  ),
});

test("a body is read to what its fields make of it, defaults filled in, other fields left out", () => {
  const read = { name: "n", size: 3, share: undefined, inner: undefined, bias: undefined, stop: [] };
  expect(body.read({ name: "n", unknown: 1 }, "")).toEqual(read);
  expect(body.read({ name: "n", size: null, share: null, inner: null, stop: null }, "")).toEqual(read);
  const given = { name: "", size: 9, share: 1, inner: { flags: [true] }, bias: { "7": -2 }, stop: "s" };
  expect(body.read(given, "")).toEqual({ ...given, bias: new Map([["7", -2]]), stop: ["s"] });
});

test.each<[unknown, string, string]>([
  [[], "body", "body must be an object, got []"],
  ["x", "body", 'body must be an object, got "x"'],
  [undefined, "body", "body must be an object, got nothing"],
  [{}, "name", "name is missing"],
  [{ name: null }, "name", "name must be a string, got null"],
  [{ name: "n", size: 0 }, "size", "size must be an integer in [1, 9], got 0"],
  [{ name: "n", size: 10 }, "size", "size must be an integer in [1, 9], got 10"],
  [{ name: "n", size: 1.5 }, "size", "size must be an integer in [1, 9], got 1.5"],
  [{ name: "n", share: 0 }, "share", "share must be a number in (0, 1], got 0"],
  [{ name: "n", inner: {} }, "inner.flags", "inner.flags is missing"],
  [{ name: "n", inner: { flags: 1 } }, "inner.flags", "inner.flags must be an array, got 1"],
  [
    { name: "n", inner: { flags: [true, true, true] } },
    "inner.flags",
    "inner.flags must be an array of 0 to 2 items, got 3",
  ],
  [{ name: "n", inner: { flags: [true, 1] } }, "inner.flags[1]", "inner.flags[1] must be a boolean, got 1"],
  [{ name: "n", bias: { a: "1" } }, "bias.a", 'bias.a must be a number, got "1"'],
  [{ name: "n", stop: [1] }, "stop", "stop must be a string or an array of strings, got [1]"],
])("%o is refused by the name of the field, its rule and its value", (json, field, message) => {
  expect(() => body.read(json, "")).toThrow(FieldError);
  expect(() => body.read(json, "")).toThrow(expect.objectContaining({ field, message }) as Error);
});

test("a long value is cut where it is quoted", () => {
  expect(() => number().read("x".repeat(100), "size")).toThrow(`size must be a number, got "${"x".repeat(59)}...`);
});

test("names that every object has are no fields of a body", () => {
  const inherited: Field<unknown> = object({ toString: optional(string), constructor: optional(string) });
  expect(inherited.read({}, "")).toEqual({ toString: undefined, constructor: undefined });
});

test("the schema says what is read", () => {
  expect(body.schema).toEqual({
    type: "object",
    required: ["name"],
    properties: {
      name: { type: "string" },
      size: { type: "integer", minimum: 1, maximum: 9, default: 3 },
      share: { type: "number", exclusiveMinimum: 0, maximum: 1 },
      inner: {
        type: "object",
        required: ["flags"],
        properties: { flags: { type: "array", items: { type: "boolean" }, maxItems: 2 } },
      },
      bias: { type: "object", additionalProperties: { type: "number" } },
      stop: { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }], default: [] },
    },
  });
});
