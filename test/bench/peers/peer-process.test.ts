import { execPath } from "node:process";
import { expect, test } from "vitest";
import { PeerProcess } from "../../../bench/peers/peer-process.js";

const options = { model: "/model", precision: "float32", threads: 1, sequences: 2, contextTokens: 8 };

/** A peer that answers questions in turn, with what `answers` evaluates to. */
const peer = (...answers: string[]): string[] => [
  execPath,
  "--input-type=module",
  "--eval",
  `import { createInterface } from "node:readline";
   const answers = [${answers.map((answer) => `() => (${answer})`).join(", ")}];
   for await (const line of createInterface({ input: process.stdin })) {
     const question = JSON.parse(line);
     const answer = answers.shift()();
     console.log(JSON.stringify(typeof answer === "function" ? answer(question) : answer));
   }`,
];

const loaded = `{ version: "peer 1" }`;
const tokens = `({ prompts, newTokens }) => ({
  arrivals: prompts.map(() => [{ ms: 1, tokens: newTokens }]),
  tokenIds: prompts.map((prompt) => prompt.map((id) => id + 1)),
})`;

test("is asked to load and then to run, and its answers come back", async () => {
  const { process, version } = await PeerProcess.start(peer(loaded, tokens), options);
  await using running = process;
  const answer = await running.run([[1, 2], [3, 4]], 5); // prettier-ignore
  expect(version).toBe("peer 1");
  expect(answer.tokenIds).toEqual([[2, 3], [4, 5]]); // prettier-ignore
});

test("that cannot load says why", async () => {
  await expect(PeerProcess.start(peer(`{ failed: "no such precision" }`), options)).rejects.toMatchObject({
    name: "PeerError",
    message: "no such precision",
  });
});

test("that ends is left out with its last words", async () => {
  const command = [execPath, "--eval", `console.error("illegal instruction"); process.exit(1)`];
  await expect(PeerProcess.start(command, options)).rejects.toThrow("its process ended: illegal instruction");
});

test("whose program does not exist is left out", async () => {
  await expect(PeerProcess.start(["/no/such/python"], options)).rejects.toMatchObject({ name: "PeerError" });
});

test("that gives another number of tokens than it was asked for is left out", async () => {
  const short = `() => ({ arrivals: [[{ ms: 1, tokens: 4 }]], tokenIds: [[1, 2, 3, 4]] })`;
  await using running = (await PeerProcess.start(peer(loaded, short), options)).process;
  await expect(running.run([[1]], 5)).rejects.toThrow("gave 4 tokens for 5, in 1 of 1 sequences");
});
