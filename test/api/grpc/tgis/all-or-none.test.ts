import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { allOrNone } from "../../../../src/api/grpc/tgis/all-or-none.js";

test("begins all tasks, in order, before anything else runs", () => {
  const begun: number[] = [];
  void allOrNone([1, 2, 3], new AbortController().signal, async (item) => {
    begun.push(item);
    await Promise.resolve();
  });
  expect(begun).toEqual([1, 2, 3]);
});

test("of two that fail at the same moment the first in order is told", async () => {
  const fails = async (item: number): Promise<void> => Promise.reject(new Error(`item ${item}`));
  await expect(allOrNone([1, 2], new AbortController().signal, fails)).rejects.toThrow("item 1");
});

test("gives the tasks the call's reason when the call is aborted, also when it already was", async () => {
  const reasonOf = async (_item: number, signal: AbortSignal): Promise<unknown> => {
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return signal.reason;
  };
  const call = new AbortController();
  const reasons = allOrNone([1, 2], call.signal, reasonOf);
  call.abort("gone");
  expect(await reasons).toEqual(["gone", "gone"]);
  expect(await allOrNone([1], AbortSignal.abort("gone before"), reasonOf)).toEqual(["gone before"]);
});

test("leaves no listener at the call behind, whether it failed or not", async () => {
  const { signal } = new AbortController();
  await allOrNone([1], signal, async (item) => Promise.resolve(item));
  await allOrNone([1], signal, async () => Promise.reject(new Error("no"))).catch(() => undefined);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});
