import { expect, test } from "vitest";
import { defaultRetry, retryDelayMs, withRetries } from "../../../../src/model/source/download/retry.js";
import { RemoteError } from "../../../../src/model/source/remote-folder.js";

const failure = new RemoteError("status 503", true);
const signal = new AbortController().signal;
const options = { attempts: 3, firstDelayMs: 1, maxDelayMs: 2 };

test("waits twice as long after each failure, up to the limit, less up to a half of it by chance", () => {
  const waits = (random: number) =>
    [1, 2, 3, 6, 7, 20].map((failures) => retryDelayMs(failures, failure, defaultRetry, () => random));
  expect(waits(1)).toEqual([250, 500, 1000, 8000, 10_000, 10_000]);
  expect(waits(0)).toEqual([125, 250, 500, 4000, 5000, 5000]);
});

test("waits at least as long as the store asks, but no longer than a minute", () => {
  const asked = (retryAfterMs: number) =>
    retryDelayMs(1, new RemoteError("slow down", true, { retryAfterMs }), defaultRetry, () => 1);
  expect([asked(3000), asked(10), asked(86_400_000)]).toEqual([3000, 250, 60_000]);
});

test("tries again after what may pass, so often and not more", async () => {
  let tries = 0;
  const failing = () => Promise.reject(new RemoteError(`try ${++tries}`, true));
  await expect(withRetries(failing, options, signal)).rejects.toThrow("try 3");
});

test("does not try again after what will not pass", async () => {
  let tries = 0;
  const refusing = () => Promise.reject(new RemoteError(`try ${++tries}`, false));
  await expect(withRetries(refusing, options, signal)).rejects.toThrow("try 1");
});

test("stops waiting when it is told to", async () => {
  const controller = new AbortController();
  const failing = () => {
    controller.abort();
    return Promise.reject(failure);
  };
  await expect(withRetries(failing, options, controller.signal)).rejects.toThrow("aborted");
});
