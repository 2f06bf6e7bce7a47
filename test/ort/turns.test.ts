import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { dropMappedPages, OrtCallError, Session } from "../../src/ort/index.js";
import { inTurn } from "../../src/ort/turns.js";
import { doublingSession } from "../support/graphs.js";

/** Whether `work` is over while another turn, which only this function ends, is under way; and after it. */
async function isOverBeside(work: () => Promise<unknown>): Promise<readonly [during: boolean, after: boolean]> {
  let end = (): void => undefined;
  const other = inTurn(() => new Promise<void>((resolve) => (end = resolve)));
  let isOver = false;
  const done = work().then(() => (isOver = true));
  for (let i = 0; i < 20; i += 1) await setImmediate();
  const during = isOver;
  end();
  await Promise.all([other, done]);
  return [during, isOver];
}

test.each([
  ["making a session", async () => (await doublingSession()).dispose()],
  ["dropping mapped pages, whose addresses the heap might have by then", async () => dropMappedPages(new Set())],
])("%s waits until no session is being made", async (_, work) => {
  expect(await isOverBeside(work)).toEqual([false, true]);
});

test("what fails keeps nobody waiting", async () => {
  const options = { externalDataFolder: ".", threads: 1, isSpinning: false };
  await expect(Session.create(new Uint8Array([1, 2, 3]), options)).rejects.toThrow(OrtCallError);
  expect(await dropMappedPages(new Set())).toBe(0);
});
