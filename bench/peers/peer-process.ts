import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import type { FailedAnswer, LoadAnswer, LoadQuestion, RunAnswer, RunQuestion } from "./protocol.js";

/** A peer could not be installed, started, or did not do what it was asked: it is left out, with this as the reason. */
export class PeerError extends Error {
  override readonly name = "PeerError";
}

/** Characters of a dead peer's last words that are told. */
const lastWordsLength = 300;

/** A peer in a process of its own. */
export class PeerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  #lastWords = "";

  /** @param command program and its arguments. */
  constructor([program = "", ...args]: readonly string[]) {
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    const { stdout, stderr, stdin } = this.#child;
    if (stdout === null || stderr === null || stdin === null) throw new PeerError("its process has no pipes");
    this.#answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
    stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-lastWordsLength);
    });
    stdin.on("error", () => undefined); // a dead process is noticed by its missing answer
    this.#child.on("error", (error) => (this.#lastWords = error.message));
  }

  /**
   * @returns its version, and the milliseconds from before `spawn` until it could be asked for tokens.
   * @throws {PeerError}
   */
  static async start(
    command: readonly string[],
    options: Omit<LoadQuestion, "op">,
  ): Promise<{ readonly process: PeerProcess; readonly version: string; readonly readyMs: number }> {
    const start = performance.now();
    const process = new PeerProcess(command);
    try {
      const { version } = await process.#ask<LoadAnswer>({ op: "load", ...options });
      return { process, version, readyMs: performance.now() - start };
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** @throws {PeerError} also when a sequence did not get exactly its tokens. */
  async run(prompts: readonly (readonly number[])[], newTokens: number): Promise<RunAnswer> {
    const answer = await this.#ask<RunAnswer>({ op: "run", prompts, newTokens });
    const counts = answer.arrivals.map((list) => list.at(-1)?.tokens ?? 0);
    const wrong = counts.find((count) => count !== newTokens);
    if (counts.length !== prompts.length || wrong !== undefined) {
      throw new PeerError(
        `gave ${wrong ?? 0} tokens for ${newTokens}, in ${counts.length} of ${prompts.length} sequences`,
      );
    }
    return answer;
  }

  /** Resident bytes; undefined where the system has no /proc. */
  residentBytes(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
      return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    } catch {
      return undefined;
    }
  }

  async #ask<Answer extends object>(question: LoadQuestion | RunQuestion): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    const line = await this.#answers.next();
    if (line.done === true) throw new PeerError(`its process ended: ${this.#lastWords.trim().replaceAll("\n", " ")}`);
    const answer = JSON.parse(line.value) as Answer | FailedAnswer; // from our own programs
    if ("failed" in answer) throw new PeerError(answer.failed);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL"); // it holds nothing that must be put away
    await once(this.#child, "exit");
  }
}
