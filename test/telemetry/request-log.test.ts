import { describe, expect, test } from "vitest";
import { createLogger } from "../../src/telemetry/log.js";
import { requestLog } from "../../src/telemetry/request-log.js";
import { startBatching, startHeld, type Batching } from "../support/batching.js";
import { quiet } from "../support/scripted-runner.js";
import type { Caller } from "../../src/engine/observer.js";
import type { UncheckedRequest } from "../../src/engine/request.js";

function logged(batching: Batching) {
  const lines: string[] = [];
  const log = createLogger({ level: "debug", format: "json", write: (line) => lines.push(line) });
  batching.engine.observe(requestLog(log));
  const records = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const ask = (prompt: string, fields: Partial<UncheckedRequest>, caller?: Caller, signal?: AbortSignal) =>
    toEnd(
      batching.engine.generate({ prompt, method: "greedy", ...fields }, signal ?? new AbortController().signal, caller),
    );
  return { ...batching, lines, records, ask };
}

/** Undefined, or the error. */
async function toEnd(events: AsyncIterator<unknown>): Promise<unknown> {
  try {
    while ((await events.next()).done !== true);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("the line of a request", () => {
  test("has who asked, how many tokens, why it ended, where the time went, and the parameters", async () => {
    const { ask, runner, clock, records } = logged(startHeld());
    const caller = { requestId: "r-1", correlationId: "c-1", traceparent: "00-1-2-01", kind: "stream" } as const;
    const answer = ask("ab", { maxNewTokens: 2, stopSequences: ["secret"], repetitionPenalty: 1.5 }, caller);
    await quiet();
    clock.ms += 30;
    await runner.finishRun();
    clock.ms += 10.00049;
    runner.release();
    await answer;
    expect(records()).toEqual([
      {
        timestamp: expect.any(String) as unknown,
        level: "info",
        message: "Streaming response generated 2 tokens before MaxTokens",
        request_id: "r-1",
        correlation_id: "c-1",
        traceparent: "00-1-2-01",
        kind: "stream",
        input_tokens: 2,
        generated_tokens: 2,
        stop_reason: "MaxTokens",
        validation_time_ms: 0,
        queue_time_ms: 0,
        inference_time_ms: 40,
        time_per_token_ms: 20,
        total_time_ms: 40,
        params: { method: "greedy", max_new_tokens: 2, repetition_penalty: 1.5, stop_sequences: 1 },
      },
    ]);
  });

  test("has the sampling parameters of a sampled request, the seed that was drawn included", async () => {
    const { ask, records } = logged(startBatching());
    await ask("a", { method: "sample", maxNewTokens: 1, temperature: 0.5, topK: 3 });
    const sampling = { temperature: 0.5, top_k: 3, top_p: 1, typical_p: 1, seed: "7" };
    expect(records()[0]?.["params"]).toEqual({ method: "sample", ...sampling, max_new_tokens: 1 });
  });

  test("has the penalties, and the numbers of biased tokens and stop sequences", async () => {
    const { ask, records } = logged(startBatching());
    const penalties = {
      frequencyPenalty: 0.5,
      presencePenalty: -0.5,
      lengthPenalty: { startIndex: 3, decayFactor: 2 },
    };
    const logitBias = new Map([[5, 1]]);
    await ask("a", { maxNewTokens: 1, minNewTokens: 1, timeLimitMs: 50, logitBias, ...penalties });
    expect(records()[0]?.["params"]).toEqual({
      method: "greedy",
      max_new_tokens: 1,
      min_new_tokens: 1,
      length_penalty: { startIndex: 3, decayFactor: 2 },
      frequency_penalty: 0.5,
      presence_penalty: -0.5,
      biased_tokens: 1,
      time_limit_ms: 50,
    });
  });

  test("has no text of the client's", async () => {
    const { ask, lines } = logged(startBatching());
    await ask("xyz", { maxNewTokens: 5, stopSequences: ["qrs"] });
    expect(lines.length).toBe(1);
    expect(lines[0]).not.toMatch(/xyz|abcde|qrs/);
  });
});

describe("level and message", () => {
  const caller = { batch: { index: 1, size: 3 }, kind: "batch" } as const;
  const rows: [prompt: string, fields: Partial<UncheckedRequest>, caller: Caller, level: string, message: string][] = [
    ["a", { maxNewTokens: 1 }, {}, "info", "Request generated 1 tokens before MaxTokens"],
    ["a", { maxNewTokens: 1 }, caller, "info", "Sub-request 1 from batch of 3 generated 1 tokens before MaxTokens"],
    ["y", { stopSequences: ["z"] }, {}, "info", "Request generated 1 tokens before StopSequence"],
    ["a".repeat(62), { maxNewTokens: 9 }, {}, "warn", "Request generated 2 tokens before TokenLimit"],
    [
      "a",
      { minNewTokens: 9, maxNewTokens: 3 },
      {},
      "info",
      "Request refused: the minimum of new tokens must be at most",
    ],
  ];

  test.each(rows)("of %s, %o, %o", async (prompt, fields, from, level, message) => {
    const { ask, records } = logged(startBatching());
    await ask(prompt, fields, from);
    expect(records()).toEqual([
      expect.objectContaining({ level, message: expect.stringContaining(message) as unknown }),
    ]);
  });

  test("of a request that was cancelled", async () => {
    const { ask, records } = logged(startBatching());
    const client = new AbortController();
    const answer = ask("a", {}, { kind: "stream" }, client.signal);
    client.abort();
    await answer;
    const message = "Aborted streaming request cancelled by client after generating 0 token(s)";
    expect(records()).toMatchObject([{ level: "warn", message, stop_reason: "Cancelled" }]);
  });

  test("of a request that failed, with the cause", async () => {
    const { ask, runner, records } = logged(startBatching());
    runner.failWith(new Error("out of memory"));
    await ask("a", {});
    const error = { name: "InternalError", cause: { message: "out of memory" } };
    expect(records()).toMatchObject([{ level: "error", message: "Request failed after 0 tokens", error }]);
  });
});
