import { expect, test } from "vitest";
import { EventChannel } from "../../src/engine/event-channel.js";
import { show } from "../support/batching.js";
import { quiet } from "../support/scripted-runner.js";

const token = (completionTokens: number) => ({ type: "tokens", text: "t", tokens: [], completionTokens }) as const;

/** Everything that a caller hears, and the error that ends it. */
async function hear(channel: EventChannel): Promise<unknown[]> {
  const heard: unknown[] = [];
  try {
    for await (const event of channel) heard.push(show(event));
  } catch (error) {
    heard.push(error);
  }
  return heard;
}

test("keeps events for a caller that comes later, in order", async () => {
  const channel = new EventChannel();
  channel.push(token(1));
  channel.push(token(2));
  channel.close();
  expect(await hear(channel)).toEqual(['"t" 1', '"t" 2']);
});

test("hands an event at once to a caller that waits, and each of them once", async () => {
  const channel = new EventChannel();
  const heard = hear(channel);
  for (const count of [1, 3, 5]) {
    channel.push(token(count)); // the caller waits
    channel.push(token(count + 1)); // it has not come back yet
    await quiet();
  }
  channel.close();
  expect(await heard).toEqual(['"t" 1', '"t" 2', '"t" 3', '"t" 4', '"t" 5', '"t" 6']);
});

test("throws the error that ends it once the events before it are taken, and again when asked again", async () => {
  const channel = new EventChannel();
  const error = new Error("gone");
  channel.push(token(1));
  channel.close(error);
  expect(await hear(channel)).toEqual(['"t" 1', error]);
  expect(await hear(channel)).toEqual([error]);
});

test.each([undefined, new Error("gone")])("wakes a caller that waits when it ends: %o", async (error) => {
  const channel = new EventChannel();
  const heard = hear(channel);
  channel.close(error);
  expect(await heard).toEqual(error === undefined ? [] : [error]);
});

test("takes nothing after its end, neither events nor another end", async () => {
  const channel = new EventChannel();
  channel.close();
  channel.push(token(1));
  channel.close(new Error("too late"));
  expect(await hear(channel)).toEqual([]);
});

test("is taken up again where another loop left it", async () => {
  const channel = new EventChannel();
  for (const count of [1, 2, 3]) channel.push(token(count));
  channel.close();
  const first: unknown[] = [];
  for await (const event of channel) {
    first.push(show(event));
    break;
  }
  expect([first, await hear(channel)]).toEqual([['"t" 1'], ['"t" 2', '"t" 3']]);
});

test("an error that nobody hears is no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): number => unhandled.push(reason);
  process.on("unhandledRejection", note);
  new EventChannel().close(new Error("gone"));
  await quiet();
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});
