import { expect, test } from "vitest";
import { highestRate } from "../../../bench/load/saturation.js";

/** A server that meets its objective up to `limit` requests a second; the rates that it was tried with. */
async function seek(limit: number, from: number, precision: number) {
  const tried: number[] = [];
  const meets = async (rate: number): Promise<boolean> => {
    tried.push(rate);
    return Promise.resolve(rate <= limit);
  };
  return { found: await highestRate(meets, from, precision), tried };
}

test("the rate doubles until it is too high, then is halved in until it is known well enough", async () => {
  expect(await seek(37, 1, 0.1)).toEqual({ found: 36, tried: [1, 2, 4, 8, 16, 32, 64, 48, 40, 36] });
});

test("the rate is halved where the first one is too high already", async () => {
  expect(await seek(0.3, 1, 0.5)).toEqual({ found: 0.25, tried: [1, 0.5, 0.25] });
});

test("no rate is found where a thousandth of the first one is too much", async () => {
  const { found, tried } = await seek(0, 8, 0.1);
  expect([found, tried.length]).toEqual([undefined, 10]); // 8 down to 8 / 512
});

test("a server that is never too slow ends the search where the client would be measured", async () => {
  expect((await seek(Infinity, 1000, 0.1)).found).toBe(8000);
});
