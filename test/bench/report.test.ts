import { expect, test } from "vitest";
import { renderNumber, renderSummary, renderTable } from "../../bench/report.js";

test("columns are as wide as their widest cell, the first to the left and numbers to the right", () => {
  const rows = [
    ["bare loop", "70.1"],
    ["engine", "1234.5"],
  ];
  expect(renderTable("Decode", ["", "tokens/s"], rows)).toBe(
    ["Decode", "             tokens/s", "  ---------  --------", "  bare loop      70.1", "  engine       1234.5"].join(
      "\n",
    ),
  );
});

test("a summary is its median and the distance of its quartiles in per cent", () => {
  expect(renderSummary({ count: 7, median: 20, lowerQuartile: 18, upperQuartile: 23 })).toBe("20.0 (25%)");
});

test("what could not be measured is a dash", () => {
  expect([renderSummary(undefined), renderNumber(undefined), renderNumber(NaN)]).toEqual(["-", "-", "-"]);
});
