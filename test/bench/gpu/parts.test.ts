import { expect, test } from "vitest";
import { Parts, SkippedError } from "../../../bench/gpu/parts.js";

/** Its clock is at `clock.ms`. */
function partsOf(seconds: number) {
  const clock = { ms: 5000 };
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  return { clock, said, parts: new Parts({ seconds, partSeconds: 30 }, say, () => clock.ms) };
}

test("what fails or is not here is left out with its reason, and stops nothing else", async () => {
  const { parts, said, clock } = partsOf(60);
  const values = [
    await parts.measure("broken", async () => Promise.reject<number>(new Error("no memory"))),
    await parts.measure("absent", async () => Promise.reject<number>(new SkippedError("no PyTorch"))),
    await parts.measure("fine", async () => {
      clock.ms += 1500;
      return Promise.resolve(7);
    }),
  ];
  expect(values).toEqual([undefined, undefined, 7]);
  expect(parts.all).toEqual([
    { name: "broken", outcome: "failed", reason: "no memory", seconds: 0 },
    { name: "absent", outcome: "skipped", reason: "no PyTorch", seconds: 0 },
    { name: "fine", outcome: "measured", seconds: 1.5 },
  ]);
  expect(said).toEqual(["broken", "broken: failed, no memory", "absent", "absent: skipped, no PyTorch", "fine"]);
});

test("when the time is over no part is begun", async () => {
  const { parts, clock } = partsOf(10);
  await parts.measure("long", async () => Promise.resolve((clock.ms += 12_000)));
  let isBegun = false;
  await parts.measure("late", async () => Promise.resolve((isBegun = true)));
  expect({ isBegun, left: parts.secondsLeft }).toEqual({ isBegun: false, left: 0 });
  expect(parts.all.at(-1)).toMatchObject({ outcome: "skipped", reason: "the 10 s of this benchmark are over" });
});

test("a part that hangs is told to end, and not waited for", async () => {
  const parts = new Parts({ seconds: 60, partSeconds: 0.1 }, () => undefined);
  let told: AbortSignal | undefined;
  await parts.measure("hangs", async (signal) => {
    told = signal;
    return new Promise<never>(() => undefined);
  });
  expect(told?.aborted).toBe(true);
  expect(parts.all).toMatchObject([{ outcome: "failed", reason: "was not done within 0.1 s" }]);
});
