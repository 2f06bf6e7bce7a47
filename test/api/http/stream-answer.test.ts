import { expect, test } from "vitest";
import { begun, merged } from "../../../src/api/http/stream-answer.js";

/** Items that come when they are pushed. */
class Source implements AsyncIterable<string> {
  ended = false;
  readonly #waiting: (() => void)[] = [];
  readonly #items: (string | Error)[] = [];

  push(item: string | Error): void {
    this.#items.push(item);
    this.#waiting.shift()?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    try {
      for (;;) {
        if (this.#items.length === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        const item = this.#items.shift() ?? "end";
        if (item instanceof Error) throw item;
        if (item === "end") return;
        yield item;
      }
    } finally {
      this.ended = true;
    }
  }
}

async function all(items: AsyncIterable<string>): Promise<string[]> {
  const taken: string[] = [];
  for await (const item of items) taken.push(item);
  return taken;
}

test("a stream that has begun still has its first item", async () => {
  const source = new Source();
  for (const item of ["a", "b", "end"]) source.push(item);
  expect(await all(await begun(source))).toEqual(["a", "b"]);
  const empty = new Source();
  empty.push("end");
  expect(await all(await begun(empty))).toEqual([]);
});

test("a stream that is refused does not begin", async () => {
  const source = new Source();
  source.push(new Error("refused"));
  await expect(begun(source)).rejects.toThrow("refused");
});

test("a stream that has begun and is left ends its source", async () => {
  const source = new Source();
  source.push("a");
  for await (const item of await begun(source)) if (item === "a") break;
  expect(source.ended).toBe(true);
});

test("merged streams give items in the order in which they come, until all have ended", async () => {
  const [a, b] = [new Source(), new Source()];
  const merging = merged([a, b]);
  const taken: unknown[] = [];
  for (const [source, item] of [
    [b, "b1"],
    [a, "a1"],
    [b, "b2"],
  ] as const) {
    source.push(item);
    taken.push((await merging.next()).value);
  }
  b.push("end");
  a.push("a2");
  taken.push((await merging.next()).value);
  a.push("end");
  expect(taken).toEqual(["b1", "a1", "b2", "a2"]);
  expect(await merging.next()).toEqual({ done: true, value: undefined });
});

test("an error of one stream ends them all, without waiting for the others", async () => {
  const [a, b] = [new Source(), new Source()];
  const merging = all(merged([a, b]));
  b.push("b1");
  a.push(new Error("broken"));
  await expect(merging).rejects.toThrow("broken");
  b.push("b2"); // what it was waiting for when it was told to end
  await new Promise(setImmediate);
  expect(b.ended).toBe(true);
});

test("one stream alone, and none, can be merged", async () => {
  const source = new Source();
  for (const item of ["a", "end"]) source.push(item);
  expect(await all(merged([source]))).toEqual(["a"]);
  expect(await all(merged([]))).toEqual([]);
});
