import { expect, test } from "vitest";
import { EngineHealth } from "../../../../src/api/http/health/engine-health.js";
import { observeAll } from "../../../../src/engine/observer.js";
import { startBatching, startHeld, type Batching } from "../../../support/batching.js";
import { quiet } from "../../../support/scripted-runner.js";

function checked(batching: Batching) {
  const warnings: string[] = [];
  const seen: string[] = [];
  const health = new EngineHealth(batching.engine, { warn: (message) => warnings.push(message) });
  const note = { admitted: () => seen.push("admitted"), runLaunched: () => seen.push("run") };
  batching.engine.observe(observeAll(health.observer, note));
  return { ...batching, health, warnings, seen };
}

test("the first check generates one token, and the next ones are free", async () => {
  const { health, runner } = checked(startBatching());
  expect(await health.isHealthy()).toBe(true);
  expect(runner.calls).toEqual(["prefill 0 [0,8)"]);
  expect([await health.isHealthy(), runner.calls.length]).toEqual([true, 1]);
});

test("no check is needed once a request has proved it", async () => {
  const { health, ask, runner } = checked(startBatching());
  await ask("abc", { maxNewTokens: 1 }).end;
  expect([await health.isHealthy(), runner.calls]).toEqual([true, ["prefill 0 [0,3)"]]);
});

test("after a run that failed checks generate again, until one succeeds", async () => {
  const { health, ask, runner, warnings } = checked(startBatching());
  await ask("a", { maxNewTokens: 1 }).end;
  runner.failWith(new Error("out of memory"));
  await ask("b").end;
  runner.failWith(new Error("still out of memory"));
  expect([await health.isHealthy(), warnings]).toEqual([false, ["the health check's generation failed"]]);
  expect(await health.isHealthy()).toBe(true);
  expect(runner.calls.slice(-2)).toEqual(["prefill 0 [0,8)", "prefill 0 [0,8)"]);
});

test("checks that come at once share one generation", async () => {
  const { health, runner } = checked(startHeld());
  const answers = [health.isHealthy(), health.isHealthy(), health.isHealthy()];
  await quiet();
  runner.release();
  expect([await Promise.all(answers), runner.calls.length]).toEqual([[true, true, true], 1]);
});

test("a check that waits for a slot is answered by the first run that succeeds, and leaves the queue", async () => {
  const { health, ask, runner, engine } = checked(startHeld({ slots: 1 }));
  ask("a");
  await quiet();
  const answer = health.isHealthy();
  await quiet();
  expect(engine.counts.waiting).toBe(2); // the request's prompt is still under way
  await runner.finishRun();
  expect([await answer, engine.counts.waiting]).toEqual([true, 0]);
});

test("a server that takes no more requests, and has proved nothing yet, is unhealthy", async () => {
  const { health, ask } = checked(startHeld({ maxSequences: 1 }));
  ask("a");
  expect(await health.isHealthy()).toBe(false);
});

test("no observer hears of a check", async () => {
  const { health, seen } = checked(startBatching());
  await health.isHealthy();
  expect(seen).toEqual([]);
});

test("a draining server is unhealthy at once, also to a check under way, and whatever was proved", async () => {
  const { health, runner, engine, warnings } = checked(startHeld());
  const underWay = health.isHealthy();
  await quiet();
  health.drain();
  expect([await underWay, engine.counts.waiting]).toEqual([false, 0]);
  runner.release();
  expect([await health.isHealthy(), warnings]).toEqual([false, []]);
});
