import { describe, expect, test } from "vitest";
import { RowContents } from "../../../src/engine/prefix/row-contents.js";
import { Random } from "../../support/random.js";

const idsOf = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));

function contentsOf(rows: Readonly<Record<number, string>>): RowContents {
  const contents = new RowContents();
  for (const [row, text] of Object.entries(rows)) contents.set(Number(row), idsOf(text));
  return contents;
}

/** `4 in 0, 2`: rows 0 and 2 share 4 tokens with the text. */
function match(contents: RowContents, text: string): string {
  const found = contents.match(idsOf(text));
  return found === undefined ? "none" : `${found.length} in ${[...found.rows].sort((a, b) => a - b).join(", ")}`;
}

describe("the longest shared prefix", () => {
  const contents = contentsOf({ 0: "once upon a time", 1: "once upon a hill", 2: "once", 3: "twice" });

  test.each([
    ["once upon a time there was", "16 in 0"],
    ["once upon a moon", "12 in 0, 1"],
    ["once more", "5 in 0, 1"],
    ["once", "4 in 0, 1, 2"],
    ["on", "2 in 0, 1, 2"],
    ["twice", "5 in 3"],
    ["never", "none"],
    ["", "none"],
  ])("of %o is %s", (text, expected) => {
    expect(match(contents, text)).toBe(expected);
  });
});

test("a row that is written again holds what was written last, and a copy as much of it as was copied", () => {
  const contents = contentsOf({ 0: "once upon a time", 1: "once" });
  contents.set(0, idsOf("twice"));
  expect([match(contents, "once upon"), match(contents, "twice")]).toEqual(["4 in 1", "5 in 0"]);
  contents.copy(0, 2, 3);
  expect([contents.lengthOf(2), match(contents, "twinkle")]).toEqual([3, "3 in 0, 2"]);
});

test("knows whether another row holds all that one does", () => {
  const contents = contentsOf({ 0: "once upon a time", 1: "once upon", 2: "twice" });
  expect([0, 1, 2, 3].map((row) => contents.isElsewhere(row))).toEqual([false, true, false, true]);
});

test("the oldest of some rows is the one that was written first, or never", () => {
  const contents = contentsOf({ 0: "a", 1: "b", 2: "c" });
  contents.set(0, idsOf("d"));
  expect([contents.oldest([0, 1, 2]), contents.oldest([0, 2]), contents.oldest([0, 3]), contents.oldest([])]).toEqual([
    1,
    2,
    3,
    undefined,
  ]);
});

test("forgets everything when it is cleared", () => {
  const contents = contentsOf({ 0: "once" });
  contents.clear();
  expect([match(contents, "once"), contents.lengthOf(0)]).toEqual(["none", 0]);
});

test("agrees with a search through all rows, whatever is written over what", () => {
  const random = new Random(7);
  const contents = new RowContents();
  const rows = new Map<number, number[]>();
  const tokens = (): number[] => Array.from({ length: random.integer(0, 12) }, () => random.integer(0, 2));
  const shared = (a: readonly number[], b: readonly number[]): number => {
    const different = a.findIndex((token, i) => token !== b[i]);
    return different < 0 ? a.length : different;
  };
  for (let i = 0; i < 2000; i += 1) {
    const [row, written, asked] = [random.integer(0, 9), tokens(), tokens()];
    contents.set(row, written);
    rows.set(row, written);
    const longest = Math.max(...Array.from(rows.values(), (held) => shared(asked, held)));
    const holders = [...rows.keys()].filter((held) => shared(asked, rows.get(held) ?? []) === longest);
    const found = contents.match(asked);
    expect([found?.length ?? 0, [...(found?.rows ?? [])].sort()]).toEqual([
      longest,
      longest === 0 ? [] : holders.sort(),
    ]);
  }
});
