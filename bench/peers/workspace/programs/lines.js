/** A peer's side of the protocol (bench/peers/protocol.ts): one JSON object a line, asked and answered. */
import { performance } from "node:perf_hooks";
import process from "node:process";
import { createInterface } from "node:readline";

/** What a run gave: when each sequence had how many tokens, in milliseconds since the run began, and which. */
class Log {
  #start = performance.now();

  constructor(sequences) {
    this.arrivals = Array.from({ length: sequences }, () => []);
    this.tokenIds = Array.from({ length: sequences }, () => []);
  }

  record(sequence, tokenId) {
    const tokens = this.tokenIds[sequence].push(Number(tokenId));
    this.arrivals[sequence].push({ ms: performance.now() - this.#start, tokens });
  }
}

/**
 * Answers until standard input ends.
 * @param load from the options to an object with `version` and `run(prompts, count, log)`.
 */
export async function serve(load) {
  const answer = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr); // what libraries print must not come between the answers
  let peer;
  for await (const line of createInterface({ input: process.stdin })) {
    const question = JSON.parse(line);
    try {
      if (question.op === "load") {
        peer = await load(question);
        answer(`${JSON.stringify({ version: peer.version })}\n`);
        continue;
      }
      const log = new Log(question.prompts.length);
      await peer.run(question.prompts, question.newTokens, log);
      answer(`${JSON.stringify({ arrivals: log.arrivals, tokenIds: log.tokenIds })}\n`);
    } catch (error) {
      answer(`${JSON.stringify({ failed: String(error) })}\n`); // told to whoever asked, who leaves this peer out
    }
  }
  process.exit(0); // libraries keep threads
}
