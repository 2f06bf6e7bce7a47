import { expect, test } from "vitest";
import { observeAll } from "../../../src/engine/observer.js";
import { createMetrics } from "../../../src/telemetry/metrics/create-metrics.js";
import { startHeld, type BatchingOptions } from "../../support/batching.js";
import { parseExposition } from "../../support/exposition.js";
import { quiet } from "../../support/scripted-runner.js";

function startMeasured(options?: BatchingOptions) {
  const batching = startHeld(options);
  const { engine } = batching;
  const metrics = createMetrics({
    limits: { ...engine.limits, slots: 4 },
    version: "1",
    model: { id: "m", weightBytes: 1, loadMs: 1, dtype: "float32", kvDtype: "float32", digest: () => undefined },
    engineState: () => ({ ...engine.counts, cachedTokens: engine.cachedTokens }),
  });
  engine.observe(observeAll(...metrics.observers));
  /** `label=value: number` of each series of a counter or gauge. */
  const shown = async (name: string): Promise<string[]> => {
    const family = parseExposition(await metrics.exposition()).get(name);
    return (family?.samples ?? []).map(({ labels, value }) =>
      [...[...labels].map((pair) => pair.join("=")), value].join(" "),
    );
  };
  return { ...batching, shown };
}

test("a run that fails is counted with its method, and each of its sequences as failed", async () => {
  const { ask, runner, shown } = startMeasured();
  const answers = [ask("a"), ask("m")];
  await quiet();
  await runner.finishRun();
  await runner.finishRun();
  runner.failWith(new Error("out of memory"));
  await runner.finishRun();
  await Promise.all(answers.map(({ end }) => end));
  expect(await shown("tgi_batch_inference_failure")).toEqual(["method=next_token reason=error 1"]);
  expect(await shown("tgi_batch_inference_failure_total")).toEqual(["method=next_token reason=error 1"]);
  expect(await shown("tgi_request_failure")).toEqual(["err=generate 2"]);
  expect(await shown("tgi_request_success")).toEqual([]);
});

test("a request whose time is over in the queue counts as timeout and as success, and as no inference", async () => {
  const { ask, runner, clock, shown } = startMeasured({ slots: 1 });
  const answers = [ask("a", { maxNewTokens: 1 }), ask("m", { timeLimitMs: 10 })];
  await quiet();
  clock.ms = 10;
  runner.release();
  await Promise.all(answers.map(({ end }) => end));
  expect(await shown("tgi_request_failure")).toEqual(["err=timeout 1"]);
  expect(await shown("tgi_request_success")).toEqual([
    "stop_reason=TIME_LIMIT kind=single 1",
    "stop_reason=MAX_TOKENS kind=single 1",
  ]);
  expect((await shown("tgi_request_inference_duration")).at(-1)).toBe("1"); // the count: the one that ran
  expect((await shown("tgi_request_duration")).at(-1)).toBe("2");
});

test("a decode shows its sequences and their tokens: there are, and may come", async () => {
  const { ask, runner, shown } = startMeasured();
  ask("abc", { maxNewTokens: 4 });
  ask("m", { maxNewTokens: 9 });
  await quiet();
  await runner.finishRun();
  await runner.finishRun();
  expect(await shown("tgi_batch_current_size")).toEqual(["2"]);
  expect(await shown("tgi_batch_input_tokens")).toEqual(["6"]); // abc and d, m and n
  expect(await shown("tgi_batch_max_remaining_tokens")).toEqual(["11"]);
});

test("a server that shuts down refuses with err=unknown", async () => {
  const { engine, ask, shown } = startMeasured();
  await engine.drain(0);
  await ask("a").end;
  expect(await shown("tgi_request_failure")).toEqual(["err=unknown 1"]);
});
