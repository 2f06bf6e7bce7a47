import { expect, test } from "vitest";
import { plotPeers, type PlottedReport } from "../../../bench/peers/plot.js";
import { fullScenario } from "../../../bench/peers/scenario.js";

const row = (peer: string, sequences: number, median: number): PlottedReport["rows"][number] => {
  const summary = { count: 1, median, lowerQuartile: median, upperQuartile: median };
  const settings = { precision: "float32", precisionClass: "float32", settings: "" } as const;
  return { peer, ...settings, sequences, tokensPerSecond: summary, ratio: summary };
};

const svg = plotPeers({
  scenario: { ...fullScenario, sequences: [1, 8] },
  rows: [row("ortler", 1, 50), row("other", 1, 25), row("ortler", 8, 300), row("other", 8, 30)],
});
const bars = Array.from(svg.matchAll(/class="(\w+)" x="\d+" y="\d+" width="([\d.]+)"/g), ([, kind, width]) => ({
  kind,
  width: Number(width),
}));

test("a bar is as long, of the longest in its panel, as its rate is of the highest", () => {
  expect(bars.map(({ kind }) => kind)).toEqual(["ours", "theirs", "ours", "theirs"]);
  const [ourOne, theirOne, ourEight, theirEight] = bars.map(({ width }) => width);
  expect(theirOne).toBeCloseTo((ourOne ?? NaN) * (25 / 50), 0);
  expect(theirEight).toBeCloseTo((ourEight ?? NaN) * (30 / 300), 0);
  expect(ourEight).toBe(ourOne);
});

test("each way is named once, and each rate stands beside its bar", () => {
  expect(svg.match(/>other, float32</g)).toHaveLength(1);
  expect(Array.from(svg.matchAll(/class="number">(\d+)</g), ([, rate]) => rate)).toEqual(["50", "25", "300", "30"]);
});
