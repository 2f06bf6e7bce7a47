import { describe, expect, test } from "vitest";
import { Detokenizer } from "../../src/engine/detokenizer.js";
import { Random } from "../support/random.js";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What is handed out after each token, and at the end; stops at a stop sequence. */
function deltas(
  tokens: readonly (string | readonly number[])[],
  stops: readonly string[] = [],
  include = true,
): string[] {
  const detokenizer = new Detokenizer(stops, include);
  const texts: string[] = [];
  for (const token of tokens) {
    detokenizer.push(typeof token === "string" ? bytesOf(token) : Uint8Array.from(token));
    const isStopped = detokenizer.matchStopSequence() !== undefined;
    texts.push(detokenizer.takeFinal());
    if (isStopped) break;
  }
  return [...texts, detokenizer.finish()];
}

describe("text without stop sequences", () => {
  test("leaves with its token", () => {
    expect(deltas(["Hello", " there", "!"])).toEqual(["Hello", " there", "!", ""]);
  });

  test("waits for the rest of a UTF-8 character", () => {
    expect(
      deltas([
        [0x61, 0xf0],
        [0x9f, 0x9a],
        [0x80, 0x62],
      ]),
    ).toEqual(["a", "", "🚀b", ""]);
  });

  test("loses a character that is never completed", () => {
    expect(deltas(["ab", [0xf0, 0x9f]])).toEqual(["ab", "", ""]);
  });

  test("keeps U+FFFD inside, and loses it at the end", () => {
    expect(deltas(["a", [0xff], [0xff], "b", [0xff, 0xff]])).toEqual(["a", "", "", "\ufffd\ufffdb", "", ""]);
    expect(deltas(["a\ufffd", "\ufffd", [0xe2, 0x82]])).toEqual(["a", "", "", ""]);
  });

  test("keeps U+FEFF wherever it stands", () => {
    expect(deltas(["\ufeff", "a\ufeff", "\ufeff"]).join("")).toBe("\ufeffa\ufeff\ufeff");
  });

  test("takes tokens without bytes", () => {
    expect(deltas(["", "a", ""])).toEqual(["", "a", "", ""]);
  });
});

describe("a stop sequence", () => {
  test("that is included ends the text behind it, and holds nothing back", () => {
    expect(deltas(["one ", "ST", "OP two", "three"], ["STOP"])).toEqual(["one ", "ST", "OP", ""]);
  });

  test("that is not included never shows, and only its possible beginning waits", () => {
    expect(deltas(["one ", "S", "TART S", "T", "OP two"], ["STOP"], false)).toEqual(["one ", "", "START ", "", "", ""]);
  });

  test("is found inside a token, over tokens, and over parts of a character", () => {
    expect(deltas(["aXb"], ["X"], false).join("")).toBe("a");
    expect(deltas(["a", "X", "Y", "b"], ["XY"], false).join("")).toBe("a");
    expect(
      deltas(
        [
          [0x61, 0xc3],
          [0xa9, 0x62],
        ],
        ["é"],
        false,
      ).join(""),
    ).toBe("a");
  });

  test("is released when the text ends in a part of it", () => {
    expect(deltas(["one", " ST"], ["STOP"], false)).toEqual(["one", " ", "ST"]);
  });

  test("counts in the order of the request, wherever it stands", () => {
    expect(deltas(["one two"], ["two", "one"]).join("")).toBe("one two");
    expect(deltas(["one two"], ["one", "two"]).join("")).toBe("one");
  });

  test("counts at its last place in what a token added", () => {
    expect(deltas(["a.b.c"], ["."]).join("")).toBe("a.b.");
    expect(deltas(["a.b.c"], ["."], false).join("")).toBe("a.b");
    expect(deltas(["x", "aaaa"], ["aa"], false).join("")).toBe("xaa");
  });

  test("must end in what the last token added", () => {
    const detokenizer = new Detokenizer(["STOP"], false);
    detokenizer.push(bytesOf("a STOP"));
    expect(detokenizer.takeFinal()).toBe("a STOP"); // not looked at: fewer tokens than the minimum
    detokenizer.push(bytesOf(" b"));
    expect(detokenizer.matchStopSequence()).toBeUndefined();
    expect(detokenizer.takeFinal()).toBe(" b");
  });

  test("may have begun where the text was not looked at", () => {
    const detokenizer = new Detokenizer(["STOP"], false);
    detokenizer.push(bytesOf("a ST"));
    expect(detokenizer.takeFinal()).toBe("a ");
    detokenizer.push(bytesOf("OP"));
    expect(detokenizer.matchStopSequence()).toBe("STOP");
    expect(detokenizer.finish()).toBe("");
  });

  test("keeps U+FFFD that stood before it", () => {
    expect(deltas([[0x61, 0xff], "STOP"], ["STOP"], false).join("")).toBe("a\ufffd");
  });

  test("with half a surrogate pair does not cut a character in two", () => {
    expect(deltas(["a🚀b"], ["\ud83d"], false).join("")).toBe("a🚀b");
  });
});

/** The whole text after each token, decoded and searched anew. */
function naiveText(
  tokens: readonly Uint8Array[],
  stops: readonly string[],
  include: boolean,
  looksFrom: number,
): { text: string; stop: string | undefined } {
  const textOf = (count: number): string =>
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(tokens.slice(0, count))).replace(/\ufffd+$/, "");
  for (let count = looksFrom; count <= tokens.length; count++) {
    const [before, text] = [textOf(count - 1), textOf(count)];
    for (const stop of stops) {
      const start = text.lastIndexOf(stop);
      const end = start + stop.length;
      if (start !== -1 && end > before.length) return { text: text.slice(0, include ? end : start), stop };
    }
  }
  return { text: textOf(tokens.length), stop: undefined };
}

/** How long an end of the text is that may become a stop sequence, in UTF-16 units. */
function heldBack(text: string, stops: readonly string[]): number {
  const beginnings = stops.flatMap((stop) => Array.from({ length: stop.length }, (_, end) => stop.slice(0, end)));
  return Math.max(0, ...beginnings.filter((part) => text.endsWith(part)).map((part) => part.length));
}

describe("random bytes, splits and stop sequences", () => {
  const alphabet = ["a", "b", "é", "🚀", "\ufffd", "\ufeff"];

  function randomCase(seed: number): { tokens: Uint8Array[]; stops: string[]; include: boolean; looksFrom: number } {
    const random = new Random(seed);
    const text = (length: number): string => Array.from({ length }, () => random.pick(alphabet)).join("");
    const bytes = bytesOf(text(40)).map((byte) => (random.chance(0.05) ? random.integer(0, 256) : byte));
    const tokens: Uint8Array[] = [];
    for (let start = 0; start < bytes.length;) {
      const end = start + random.integer(0, 6);
      tokens.push(bytes.slice(start, end));
      start = end;
    }
    const stops = Array.from({ length: random.integer(0, 4) }, () => text(random.integer(1, 5)));
    return { tokens, stops, include: random.chance(0.5), looksFrom: random.integer(1, 8) };
  }

  test("give in pieces the text that one decoding gives, each piece as soon as it is final", () => {
    let matches = 0;
    for (let seed = 0; seed < 1000; seed++) {
      const { tokens, stops, include, looksFrom } = randomCase(seed);
      const expected = naiveText(tokens, stops, include, looksFrom);
      const detokenizer = new Detokenizer(stops, include);
      let taken = "";
      let stop: string | undefined;
      for (let count = 1; count <= tokens.length && stop === undefined; count++) {
        detokenizer.push(tokens[count - 1] ?? new Uint8Array());
        if (count >= looksFrom) stop = detokenizer.matchStopSequence();
        taken += detokenizer.takeFinal();
        const soFar = naiveText(tokens.slice(0, count), stops, include, looksFrom);
        const isHeld = stop === undefined && !include;
        expect(taken, `case ${seed}`).toBe(
          soFar.text.slice(0, soFar.text.length - (isHeld ? heldBack(soFar.text, stops) : 0)),
        );
      }
      expect([taken + detokenizer.finish(), stop], `case ${seed}`).toEqual([expected.text, expected.stop]);
      matches += Number(stop !== undefined);
    }
    expect(matches).toBeGreaterThan(150);
  });
});

test("a token costs no more late in a long text than early", { timeout: 5000 }, () => {
  const detokenizer = new Detokenizer(["never to be found"], false);
  const token = bytesOf(" never");
  // A pass over the text so far for each of these tokens would be 120 GB of it.
  for (let i = 0; i < 200_000; i++) {
    detokenizer.push(token);
    detokenizer.matchStopSequence();
  }
  expect(detokenizer.finish()).toHaveLength(200_000 * token.length);
});
