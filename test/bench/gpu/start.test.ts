import { expect, test } from "vitest";
import { readStart } from "../../../bench/gpu/start.js";

/** Lines of a log, each with the time at which it comes. */
function logOf(...lines: [ms: number, text: string][]) {
  let now = 0;
  async function* log() {
    for (const [ms, text] of lines) {
      now = ms;
      yield await Promise.resolve(text);
    }
  }
  return readStart(log(), () => now);
}

const line = (message: string): string => JSON.stringify({ level: "info", message });

test("each part of a start ends with its line in the server's log, the first of its kind", async () => {
  const parts = await logOf(
    ...([
      [100, line("setting")],
      [101, line("setting")],
      [400, line("device")],
    ] satisfies [number, string][]),
    ...([
      [401, line("model is")],
      [1400, line("model")],
      [1410, line("engine")],
    ] satisfies [number, string][]),
    ...([
      [1500, line("serving")],
      [9000, line("model digest")],
    ] satisfies [number, string][]),
  );
  expect(parts).toEqual({ setting: 100, device: 300, model: 1000, engine: 10, serving: 90 });
});

test("a server that ends before it serves is an error, with its last words", async () => {
  const ended = logOf([100, line("setting")], [200, line("cannot start: the device has too little memory")]);
  await expect(ended).rejects.toThrow("before it was SERVING: cannot start: the device has too little memory");
  await expect(logOf([100, "Segmentation fault"])).rejects.toThrow("before it was SERVING: Segmentation fault");
});
