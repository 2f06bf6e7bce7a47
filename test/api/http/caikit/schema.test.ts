import { expect, test } from "vitest";
import { readJson } from "../../../../src/api/http/caikit/json.js";
import { boolean, integer, number, type Issue, type Schema } from "../../../../src/api/http/caikit/schema.js";

/** The value that JSON text is read as, or the type of its issue. */
function read(schema: Schema<unknown>, json: string): unknown {
  const issues: Issue[] = [];
  const value = schema.read(readJson(json), [], issues);
  return issues.length > 0 ? issues.map(({ type }) => type).join() : value;
}

test.each([
  ["12", 12n],
  ["5.0", 5n],
  ["true", 1n],
  ["false", 0n],
  ['"12"', 12n],
  ['" 12"', 12n],
  ['"+12"', 12n],
  ['"-12"', -12n],
  ['"012"', 12n],
  ['"1_000"', 1000n],
  ['"5.0"', 5n],
  ["18446744073709551616", 18446744073709551616n],
  ['"9223372036854775808"', 9223372036854775808n],
  ["5.5", "int_from_float"],
  ["NaN", "finite_number"],
  ["1e400", "finite_number"],
  ['"1e0"', "int_parsing"],
  ['"0x1"', "int_parsing"],
  ['"1__0"', "int_parsing"],
  ['"_1"', "int_parsing"],
  ['"5.5"', "int_parsing"],
  ['""', "int_parsing"],
  [`"${"9".repeat(5000)}"`, "int_parsing"],
  ["null", "int_type"],
  ["[1]", "int_type"],
])("as an integer %s is %s", (json, value) => expect(read(integer, json)).toEqual(value));

test.each([
  ["1", 1],
  ["1.5", 1.5],
  ["true", 1],
  ['"1"', 1],
  ['" 1 "', 1],
  ['"1e0"', 1],
  ['".5"', 0.5],
  ['"5."', 5],
  ['"1_0.5"', 10.5],
  ['"inf"', Infinity],
  ['"-Infinity"', -Infinity],
  ['"nan"', NaN],
  ["1e400", Infinity],
  ['"0x1"', "float_parsing"],
  ['"."', "float_parsing"],
  ['""', "float_parsing"],
  ["{}", "float_type"],
])("as a number %s is %s", (json, value) => expect(read(number, json)).toEqual(value));

test.each([
  ["true", true],
  ["0", false],
  ["1.0", true],
  ['"YES"', true],
  ['"Off"', false],
  ["2", "bool_parsing"],
  ["2.0", "bool_parsing"],
  ['" true"', "bool_parsing"],
  ["0.5", "bool_type"],
  ["null", "bool_type"],
])("as a boolean %s is %s", (json, value) => expect(read(boolean, json)).toEqual(value));
