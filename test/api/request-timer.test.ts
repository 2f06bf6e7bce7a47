import { getEventListeners } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RequestTimer } from "../../src/api/request-timer.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const late = new Error("too late");

test("aborts with its reason when the time is up, and not before", () => {
  const { signal } = new RequestTimer(new AbortController().signal, 60_000, () => late);
  vi.advanceTimersByTime(59_999);
  expect(signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(signal.reason).toBe(late);
});

test("follows the call it belongs to, with the call's reason", () => {
  const call = new AbortController();
  const { signal } = new RequestTimer(call.signal, 60_000, () => late);
  call.abort("gone");
  expect(signal.reason).toBe("gone");
});

test("is aborted at once when the call already was", () => {
  expect(new RequestTimer(AbortSignal.abort("gone"), 60_000, () => late).signal.reason).toBe("gone");
});

test.each([0, -1])("is the call's own signal with a limit of %d: no limit", (timeoutMs) => {
  const call = new AbortController();
  expect(new RequestTimer(call.signal, timeoutMs, () => late).signal).toBe(call.signal);
  expect(vi.getTimerCount()).toBe(0);
});

test("leaves no timer and no listener behind once disposed", () => {
  const call = new AbortController();
  const timer = new RequestTimer(call.signal, 60_000, () => late);
  expect([vi.getTimerCount(), getEventListeners(call.signal, "abort").length]).toEqual([1, 1]);
  timer.dispose();
  expect([vi.getTimerCount(), getEventListeners(call.signal, "abort").length]).toEqual([0, 0]);
});
