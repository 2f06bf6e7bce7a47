import { expect, test } from "vitest";
import { parseExposition } from "../../support/exposition.js";

const head = (type: string): string => `# HELP x what\n# TYPE x ${type}\n`;

test("the reader takes what is right", () => {
  const text = [
    '# HELP a a\\\\b\\nc\n# TYPE a counter\na{l="\\"\\\\\\n"} 1e3\n\n',
    `${head("histogram")}x_bucket{le="0.5"} 1\nx_bucket{le="+Inf"} 2\nx_sum 3\nx_count 2\n`,
  ].join("");
  const families = parseExposition(text);
  expect(families.get("a")).toEqual({
    name: "a",
    type: "counter",
    help: "a\\b\nc",
    samples: [{ name: "a", labels: new Map([["l", '"\\\n']]), value: 1000 }],
  });
  expect(families.get("x")?.samples.length).toBe(4);
});

const wrong: [what: string, text: string][] = [
  ["no end of the last line", `${head("gauge")}x 1`],
  ["a sample without a type", "x 1\n"],
  ["a sample of another family", `${head("gauge")}y 1\n`],
  ["a type without help", "# TYPE x gauge\nx 1\n"],
  ["a type twice", `${head("gauge")}x 1\n${head("gauge")}x 2\n`],
  ["an unknown type", `${head("number")}x 1\n`],
  ["a series twice", `${head("gauge")}x{a="1",b="2"} 1\nx{b="2",a="1"} 1\n`],
  ["a label twice", `${head("gauge")}x{a="1",a="2"} 1\n`],
  ["a label without quotes", `${head("gauge")}x{a=1} 1\n`],
  ["an unknown escape", `${head("gauge")}x{a="\\t"} 1\n`],
  ["no number", `${head("gauge")}x one\n`],
  ["undefined", `${head("gauge")}x undefined\n`],
  ["a negative counter", `${head("counter")}x -1\n`],
  ["no +Inf bucket", `${head("histogram")}x_bucket{le="1"} 1\nx_sum 1\nx_count 1\n`],
  ["buckets out of order", `${head("histogram")}x_bucket{le="+Inf"} 1\nx_bucket{le="1"} 1\nx_sum 1\nx_count 1\n`],
  ["buckets that fall", `${head("histogram")}x_bucket{le="1"} 2\nx_bucket{le="+Inf"} 1\nx_sum 1\nx_count 1\n`],
  ["another count than +Inf", `${head("histogram")}x_bucket{le="+Inf"} 1\nx_sum 1\nx_count 2\n`],
  ["no sum", `${head("summary")}x_count 1\n`],
  ["a summary's value without a quantile", `${head("summary")}x 1\nx_sum 1\nx_count 1\n`],
];

test.each(wrong)("the reader refuses %s", (_, text) => {
  expect(() => parseExposition(text)).toThrow();
});
