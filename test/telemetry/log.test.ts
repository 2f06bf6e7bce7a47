import { describe, expect, test } from "vitest";
import { createLogger, type LogFormat, type LogLevel } from "../../src/telemetry/log.js";

/** A logger with a clock that stands still, and what it has written. */
function harness(format: LogFormat = "json", level: LogLevel = "debug", isTerminal = false) {
  const lines: string[] = [];
  const now = () => new Date("2026-01-31T12:00:00Z");
  return { log: createLogger({ format, level, isTerminal, now, write: (line) => lines.push(line) }), lines };
}

/** The fields of one record, as a reader of JSON lines finds them. */
function logged(fields: Record<string, unknown>): unknown {
  const { log, lines } = harness();
  log.info("m", fields);
  const head = ["timestamp", "level", "message"];
  return Object.fromEntries(Object.entries(parse(lines[0])).filter(([key]) => !head.includes(key)));
}

function parse(line = ""): Record<string, unknown> {
  return JSON.parse(line) as Record<string, unknown>;
}

describe("a JSON line", () => {
  test("has time, level and message first, then the fields", () => {
    const { log, lines } = harness();
    log.warn("queue is full", { limit: 3 });
    expect(lines).toEqual([
      '{"timestamp":"2026-01-31T12:00:00.000Z","level":"warn","message":"queue is full","limit":3}\n',
    ]);
  });

  test("keeps its own time, level and message whatever the fields are called", () => {
    const { log, lines } = harness();
    log.info("m", { level: "fake", message: "fake", timestamp: "fake" });
    expect(parse(lines[0])).toEqual({ timestamp: "2026-01-31T12:00:00.000Z", level: "info", message: "m" });
  });

  test("is one line, whatever is in it", () => {
    const { log, lines } = harness();
    log.info("two\nlines", { prompt: "a\r\nb\u2028c" });
    expect(lines).toEqual([expect.stringMatching(/^[^\r\n]*\n$/)]);
    expect(parse(lines[0])).toMatchObject({ message: "two\nlines", prompt: "a\r\nb\u2028c" });
  });
});

describe("odd values are shown as well as can be", () => {
  const circle: { self?: unknown } = {};
  circle.self = { circle };
  const shared = { a: 1 };
  const rows: [what: string, value: unknown, shown: unknown][] = [
    ["a big integer", 2n ** 64n, "18446744073709551616"],
    ["not a number", NaN, "NaN"],
    ["infinity", -Infinity, "-Infinity"],
    ["null", null, null],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["a function", parse, "[function parse]"],
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["an invalid date", new Date(NaN), "[invalid date]"],
    ["bytes", new Uint8Array(3), "[Uint8Array of 3 bytes]"],
    ["a map", new Map([["a", 1n]]), [["a", "1"]]],
    ["a set", new Set([1, undefined]), [1, null]],
    ["a circle", circle, { self: { circle: "[circular]" } }],
    ["the same object twice, which is no circle", [shared, shared], [{ a: 1 }, { a: 1 }]],
    [
      "what is too deep",
      { 1: { 2: { 3: { 4: { 5: { 6: {} } } } } } },
      { 1: { 2: { 3: { 4: { 5: { 6: "[...]" } } } } } },
    ],
    ["an object without prototype", Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
    [
      "an object that throws when read",
      {
        get broken(): never {
          throw new Error("no");
        },
      },
      "[unreadable]",
    ],
  ];
  test.each(rows)("%s", (_what, value, shown) => {
    expect(logged({ value })).toEqual({ value: shown });
  });

  test("a field that is undefined is left out", () => {
    expect(logged({ value: undefined })).toEqual({});
  });

  test("an error has name, message, stack, its own fields and its causes", () => {
    const error = Object.assign(new TypeError("outer", { cause: new Error("inner") }), { code: "EPIPE" });
    expect(logged({ error })).toEqual({
      error: {
        name: "TypeError",
        message: "outer",
        stack: error.stack,
        code: "EPIPE",
        cause: { name: "Error", message: "inner", stack: expect.any(String) as string },
      },
    });
  });

  test("an error that is its own cause ends", () => {
    const error = new Error("circle");
    error.cause = error;
    expect(logged({ error })).toMatchObject({ error: { message: "circle", cause: "[circular]" } });
  });
});

describe("a line for people", () => {
  test("has time, level, message and the fields as key=value, in quotes where need be", () => {
    const { log, lines } = harness("text");
    log.info("model", { id: "tiny", threads: 2, note: "two words", shape: { layers: 2 } });
    expect(lines).toEqual([
      '2026-01-31T12:00:00.000Z INFO  model id=tiny threads=2 note="two words" shape={"layers":2}\n',
    ]);
  });

  test("shows control characters instead of obeying them", () => {
    const { log, lines } = harness("text");
    log.info("a\nb\u001b[2J", { prompt: "c\nd", csi: "\u009b2J" });
    expect(lines).toEqual(['2026-01-31T12:00:00.000Z INFO  a\\nb\\u001b[2J prompt="c\\nd" csi="\\u009b2J"\n']);
  });

  test("is followed by the stack of an error, indented", () => {
    const { log, lines } = harness("text");
    const error = new Error("x");
    error.stack = "Error: x\n    at f";
    log.error("failed", { error });
    expect(lines).toEqual(['2026-01-31T12:00:00.000Z ERROR failed error="x"\n    Error: x\n        at f\n']);
  });
});

test.each([
  ["auto", true, /^2026.* INFO {2}m\n$/],
  ["auto", false, /^\{/],
  ["text", false, /^2026/],
  ["json", true, /^\{/],
] as const)("the format %s with a terminal: %s", (format, isTerminal, expected) => {
  const { log, lines } = harness(format, "info", isTerminal);
  log.info("m");
  expect(lines).toEqual([expect.stringMatching(expected)]);
});

test.each([
  ["debug", ["debug", "info", "warn", "error"]],
  ["info", ["info", "warn", "error"]],
  ["warn", ["warn", "error"]],
  ["error", ["error"]],
  ["off", []],
] as const)("level %s writes %j", (level, written) => {
  const { log, lines } = harness("json", level);
  for (const each of ["debug", "info", "warn", "error"] as const) log[each]("m");
  expect(lines.map((line) => parse(line)["level"])).toEqual(written);
});

test("a child has its parent's fields and its own, and leaves the parent's alone", () => {
  const { log, lines } = harness("text");
  const child = log.child({ request: 7, model: "a" });
  child.child({ model: "b" }).info("m", { n: 1 });
  log.info("m");
  expect(lines.map((line) => line.slice("2026-01-31T12:00:00.000Z ".length))).toEqual([
    "INFO  m request=7 model=b n=1\n",
    "INFO  m\n",
  ]);
});
