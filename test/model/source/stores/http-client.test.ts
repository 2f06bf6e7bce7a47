import { expect, test } from "vitest";
import { HttpClient } from "../../../../src/model/source/stores/http-client.js";
import { parseRetryAfter } from "../../../../src/model/source/stores/retry-after.js";
import { startServer } from "../../../support/file-server.js";
import { never, rejection } from "../../../support/remote.js";

const impatient = new HttpClient({ connections: 1, silenceMs: 100, ca: undefined });

test("a server that stays silent is left after a while, before its answer and within", async () => {
  const mute = await startServer(() => undefined);
  const slow = await startServer((_, response) => response.writeHead(200, { "content-length": 9 }).write("half"));
  const request = (origin: string) => ({ method: "GET", url: new URL(origin), headers: {} }) as const;
  const expected = (origin: string) => ({ isTransient: true, message: `${origin} does not answer in time` });

  expect(await rejection(impatient.send(request(mute.origin), never))).toMatchObject(expected(mute.origin));
  const answer = await impatient.send(request(slow.origin), never);
  const reading = impatient.text(answer, new URL(slow.origin), 100, never);
  expect(await rejection(reading)).toMatchObject(expected(slow.origin));
});

test("a text that is longer than it may be is not read to its end", async () => {
  const { origin } = await startServer((_, response) => response.end("x".repeat(11)));
  const answer = await impatient.send({ method: "GET", url: new URL(origin), headers: {} }, never);
  expect(await rejection(impatient.text(answer, new URL(origin), 10, never))).toMatchObject({
    message: `${origin}/ is longer than 10 bytes`,
  });
});

test.each([
  ["7", 7000],
  ["Tue, 01 Jul 2025 10:00:05 GMT", 5000],
  ["Tue, 01 Jul 2025 09:00:00 GMT", 0],
  ["soon", undefined],
  [undefined, undefined],
])("Retry-After %j means %j ms", (header, expected) => {
  expect(parseRetryAfter(header, Date.parse("2025-07-01T10:00:00Z"))).toBe(expected);
});
