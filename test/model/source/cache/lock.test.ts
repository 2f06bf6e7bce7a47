import { spawn } from "node:child_process";
import { once } from "node:events";
import { stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { describeThisProcess, stateOfProcess } from "../../../../src/model/source/cache/living-process.js";
import { Lock, LockLostError, type LockOptions } from "../../../../src/model/source/cache/lock.js";
import { temporaryFolder } from "../../../support/checkpoints.js";

const anHourAgo = new Date(Date.now() - 3_600_000);
const elsewhere = JSON.stringify({ realm: "another machine", pid: 1, startTime: "1" });

async function options(timing: Partial<LockOptions> = {}): Promise<LockOptions> {
  const cacheFolder = await temporaryFolder();
  return { beatMs: 10, staleMs: 30_000, folder: join(cacheFolder, "lock"), cacheFolder, ...timing };
}

async function acquired(lock: Promise<Lock | undefined>): Promise<Lock> {
  const held = await lock;
  if (held === undefined) throw new Error("somebody else has the lock");
  onTestFinished(() => held.release());
  return held;
}

test("has one holder at a time", async () => {
  const lock = await options();
  const first = await acquired(Lock.tryAcquire(lock));
  expect(await Lock.tryAcquire(lock)).toBeUndefined();
  await first.release();
  expect(await Lock.tryAcquire(lock)).toBeInstanceOf(Lock);
});

test("is given to one of many that try at the same moment, again and again", async () => {
  const lock = await options();
  for (let round = 0; round < 20; round++) {
    const tries = await Promise.all(Array.from({ length: 8 }, () => Lock.tryAcquire(lock)));
    const winners = tries.filter((held) => held !== undefined);
    expect(winners).toHaveLength(1);
    await winners[0]?.release();
  }
});

test("waits for the holder, and tells that it waits", async () => {
  const lock = await options();
  const first = await acquired(Lock.tryAcquire(lock));
  let told = 0;
  const onWait = () => {
    told += 1;
    void first.release();
  };
  const second = acquired(Lock.acquire(lock, onWait, new AbortController().signal));
  expect(await second).toBeInstanceOf(Lock);
  expect(told).toBe(1);
});

test("is waited for only until the signal", async () => {
  const lock = await options();
  await acquired(Lock.tryAcquire(lock));
  const controller = new AbortController();
  const waiting = Lock.acquire(lock, () => controller.abort(new RangeError("enough")), controller.signal);
  await expect(waiting).rejects.toThrow();
});

test("of a process here that is dead is taken over at once, however fresh it is", async () => {
  const lock = await options();
  await acquired(Lock.tryAcquire(lock));
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  const { realm } = JSON.parse(await describeThisProcess()) as { realm: string };
  await writeFile(join(lock.folder, "2"), JSON.stringify({ realm, pid: child.pid, startTime: "1" }));
  await acquired(Lock.tryAcquire(lock));
});

test("of a process whose PID another one has now is that of a dead one", async () => {
  const own = JSON.parse(await describeThisProcess()) as object;
  expect(await stateOfProcess(JSON.stringify(own))).toBe("alive");
  expect(await stateOfProcess(JSON.stringify({ ...own, startTime: "1" }))).toBe("dead");
});

test("of a process elsewhere is taken over once its heart has stopped, and not before", async () => {
  const lock = await options();
  await (await acquired(Lock.tryAcquire(lock))).release();
  await writeFile(join(lock.folder, "2"), elsewhere);
  expect(await Lock.tryAcquire(lock)).toBeUndefined();
  await utimes(join(lock.folder, "2"), anHourAgo, anHourAgo);
  await acquired(Lock.tryAcquire(lock));
});

test("is kept by its heartbeat", async () => {
  const lock = await options();
  await acquired(Lock.tryAcquire(lock));
  const path = join(lock.folder, "1");
  await utimes(path, anHourAgo, anHourAgo);
  await expect.poll(async () => (await stat(path)).mtimeMs).toBeGreaterThan(anHourAgo.getTime());
  expect(await Lock.tryAcquire(lock)).toBeUndefined();
});

test("that was taken over says so to the one that had it, which cannot take it back by releasing", async () => {
  const lock = await options();
  const first = await acquired(Lock.tryAcquire(lock));
  await writeFile(join(lock.folder, "2"), elsewhere);
  await once(first.lost, "abort");
  expect(first.lost.reason).toBeInstanceOf(LockLostError);
  await first.release();
  expect(await Lock.tryAcquire(lock)).toBeUndefined();
});
