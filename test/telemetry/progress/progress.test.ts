import { expect, test } from "vitest";
import { ProgressBar, renderBar } from "../../../src/telemetry/progress/bar.js";
import { ProgressMeter, showProgress, type Progress } from "../../../src/telemetry/progress/index.js";
import { progressLines } from "../../../src/telemetry/progress/lines.js";
import { formatBytes, formatDuration } from "../../../src/telemetry/progress/units.js";

const half: Progress = {
  phase: "downloading",
  bytesDone: 250e6,
  bytesTotal: 500e6,
  bytesPerSecond: 98e6,
  secondsLeft: 2.5,
};

function logged() {
  const lines: [message: string, fields: unknown][] = [];
  return { lines, log: { info: (message: string, fields?: unknown) => void lines.push([message, fields]) } };
}

function terminal(columns = 80) {
  const written: string[] = [];
  return { written, columns, isTTY: true, write: (text: string) => void written.push(text) };
}

test("the meter's rate is that of the last five seconds", () => {
  let now = 0;
  let last: Progress | undefined;
  const meter = new ProgressMeter(
    (progress) => (last = progress),
    () => now,
  );
  meter.begin("downloading", 1_000_000, 400_000);
  expect(last).toEqual({
    phase: "downloading",
    bytesDone: 400_000,
    bytesTotal: 1_000_000,
    bytesPerSecond: 0,
    secondsLeft: undefined,
  });
  const addEverySecond = (bytes: number, untilMs: number) => {
    while (now < untilMs) {
      now += 1000;
      meter.add(bytes);
    }
  };
  addEverySecond(10_000, 10_000);
  expect(last).toMatchObject({ bytesDone: 500_000, bytesPerSecond: 10_000, secondsLeft: 50 });
  addEverySecond(50_000, 16_000);
  expect(last).toMatchObject({ bytesDone: 800_000, bytesPerSecond: 50_000, secondsLeft: 4 });
});

test("a new phase begins with a rate of its own", () => {
  let now = 0;
  const told: Progress[] = [];
  const meter = new ProgressMeter(
    (progress) => told.push(progress),
    () => now,
  );
  meter.begin("verifying", 100);
  now = 1000;
  meter.add(100);
  meter.begin("downloading", 100);
  expect(told.map(({ bytesPerSecond }) => bytesPerSecond)).toEqual([0, 100, 0]);
});

test.each([
  [100, "downloading gpt2  50% [====================>                   ] 250 MB of 500 MB, 98 MB/s, 3 s left"],
  [75, "downloading gpt2  50% [=======>       ] 250 MB of 500 MB, 98 MB/s, 3 s left"],
  [62, "downloading gpt2  50% 250 MB of 500 MB, 98 MB/s, 3 s left"],
  [45, "50% 250 MB of 500 MB, 98 MB/s, 3 s left"],
  [20, "50%"],
  [2, "50"],
])("a bar in %i columns", (columns, text) => {
  expect(renderBar(half, "gpt2", columns)).toBe(text);
});

test("a bar that is full has no head; one without bytes has no bar", () => {
  const whole = { ...half, bytesDone: 500e6, secondsLeft: 0 };
  expect(renderBar(whole, "gpt2", 75)).toContain("100% [===============] 500 MB of 500 MB");
  expect(renderBar({ ...half, phase: "waiting", bytesTotal: 0 }, "gpt2", 75)).toBe(
    "waiting for another process with gpt2",
  );
});

test("the bar is drawn ten times a second at most, and at each new phase and at the end of one", () => {
  let now = 0;
  const screen = terminal();
  const bar = new ProgressBar(screen, "gpt2", () => now);
  const show = (at: number, progress: Partial<Progress>) => {
    now = at;
    const before = screen.written.length;
    bar.show({ ...half, ...progress });
    return screen.written.length - before;
  };
  expect([
    show(0, {}),
    show(99, {}),
    show(100, {}),
    show(101, { bytesDone: 500e6 }),
    show(102, { phase: "complete", bytesTotal: 0 }),
  ]).toEqual([1, 0, 1, 1, 1]);
  bar.end();
  expect(screen.written.at(-1)).toBe("\r\u001b[K");
});

test("the log has a line every five seconds, and none for what is quicker", () => {
  let now = 0;
  const { lines, log } = logged();
  const onProgress = progressLines(log, "gpt2", () => now);
  for (now = 0; now < 11_000; now += 1000) onProgress(half);
  expect(lines).toEqual(
    Array(2).fill([
      "fetching the model",
      {
        model: "gpt2",
        phase: "downloading",
        percent: 50,
        bytesDone: 250e6,
        bytesTotal: 500e6,
        bytesPerSecond: 98e6,
        secondsLeft: 3,
      },
    ]),
  );
});

test("a terminal gets a bar, and anything else lines", () => {
  const { lines, log } = logged();
  const [screen, pipe] = [terminal(), { ...terminal(), isTTY: false }];
  for (const shown of [screen, pipe]) {
    const display = showProgress({ log, model: "gpt2", terminal: shown });
    display.onProgress(half);
    display.end();
  }
  expect([screen.written.length, pipe.written, lines]).toEqual([2, [], []]);
});

test("bytes and times are short", () => {
  expect([0, 999, 1000, 9_990_000, 10_500_000, 1.25e12, 4.5e15].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "10.0 MB",
    "10 MB",
    "1.3 TB",
    "4500 TB",
  ]);
  expect([0, 1.2, 59.5, 187, 3787].map(formatDuration)).toEqual(["0 s", "2 s", "1:00", "3:07", "1:03:07"]);
});
