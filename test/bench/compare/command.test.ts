/** The comparison as it is used, on the model that ships. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import type { AnswersReport } from "../../../bench/compare/answers.js";
import { run } from "../../../bench/compare/command.js";

const folder = mkdtempSync(path.join(tmpdir(), "ortler-compare-test-"));
const json = path.join(folder, "report.json");
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => void vi.restoreAllMocks());

/** Two settings of the program as built, on one round of the scenario: the report, and what was printed. */
async function compare(...args: string[]): Promise<{ report: AnswersReport; printed: string }> {
  let printed = "";
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  await run(["dist", "dist", "--scenario=summarise", "--rounds=1", `--json=${json}`, ...args]);
  return { report: JSON.parse(readFileSync(json, "utf8")) as AnswersReport, printed };
}

test("two settings of one build are compared on a scenario: the same answers, and what was guessed", async () => {
  const settings = ["--server-arg=--dtype=int8", "--base-arg=--no-prompt-lookup", "--head-arg=--prompt-lookup"];
  const { report, printed } = await compare(...settings);
  expect(report).toMatchObject({
    base: "dist --dtype=int8 --no-prompt-lookup",
    head: "dist --dtype=int8 --prompt-lookup",
    differentAnswers: 0,
    guesses: { base: { drafted: 0, accepted: 0 } },
  });
  expect(report.rows.map(({ figure, base, head }) => [figure, base?.count, head?.count])).toEqual([
    ["decode of a stream: tokens/s", 1, 1],
    ["with prefill: tokens/s", 1, 1],
    ["first token: ms", 1, 1],
  ]);
  expect(report.guesses.head.accepted).toBeGreaterThan(20); // of 2 x 96 tokens: its texts repeat themselves
  expect(printed).toMatch(/Guessed tokens: base none, head \d+, of which \d+ were right \(\d+%\)/);
});

test("servers that answer otherwise are told of, and are an error", async () => {
  const other = ["--base-arg=--dtype=float32", "--head-arg=--dtype=int4"];
  await expect(compare(...other)).rejects.toMatchObject({
    name: "HarnessError",
    message: expect.stringMatching(/^[12] answers differ$/) as string,
  });
});

describe("the command line", () => {
  test.each([
    [["dist"], "compare takes two builds"],
    [["dist", "dist", "--checkpoint=widened"], "--model and --checkpoint are for --scenario"],
    [["dist", "dist", "--scenario=summarise", "--checkpoint=7b"], "--checkpoint must be 124m or widened, got 7b"],
    [["dist", "dist", "--scenario=summarise", "--checkpoint=124m", "--model=x"], "--checkpoint and --model name two"],
    [["dist", "dist", "--scenario=none"], "--scenario must be one of"],
    [["dist", "dist", "--scenario=burst"], "the scenario must begin with such"],
  ])("%j is refused, and the message says what is wrong", async (args, message) => {
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    await expect(run(args)).rejects.toThrow(message);
  });
});
