/**
 * A lock that processes on several machines can share through a folder, and that does not outlive its holder.
 *
 * The lock is a sequence of files `1`, `2`, ...: whoever created the highest holds it. To take it over, from a holder
 * that released it or died, is to create the next number, which the file system lets only one do. The highest file is
 * never deleted, so two that look at different moments cannot both win. A holder that was only slow sees at its next
 * heartbeat that there is a higher number, and knows that it has lost.
 *
 * Not `flock`: Node does not have it, and on network volumes it may be local to each machine.
 */
import { mkdir, open, readdir, readFile, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { systemErrorCode } from "../../checkpoint/json.js";
import { ageOf, describeThisProcess, Heartbeat, stateOfProcess, type HeartbeatTiming } from "./living-process.js";

export interface LockOptions extends HeartbeatTiming {
  /** The lock's own; its parent is the cache's folder for locks. */
  readonly folder: string;
  /** For the file system's clock. */
  readonly cacheFolder: string;
}

const released = "released";
const pollMs = 100;

export class Lock {
  readonly #lost = new AbortController();
  readonly #heartbeat: Heartbeat;

  private constructor(handle: FileHandle, text: string, options: LockOptions, generation: number) {
    this.#heartbeat = new Heartbeat(handle, text, options, async () => {
      if ((await highestIn(options.folder)) !== generation) this.#lost.abort(new LockLostError());
    });
  }

  /** Aborted, with a `LockLostError`, when another process took over: it thought that this one was dead. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Undefined when another process has it. */
  static async tryAcquire(options: LockOptions): Promise<Lock | undefined> {
    await mkdir(options.folder, { recursive: true });
    const highest = await highestIn(options.folder);
    if (highest > 0 && (await isHeld(join(options.folder, String(highest)), options))) return undefined;
    return create(options, highest + 1, (handle, text) => new Lock(handle, text, options, highest + 1));
  }

  /** @param onWait Called once, when another process has it. */
  static async acquire(options: LockOptions, onWait: () => void, signal: AbortSignal): Promise<Lock> {
    let isTold = false;
    for (;;) {
      signal.throwIfAborted();
      const lock = await Lock.tryAcquire(options);
      if (lock !== undefined) return lock;
      if (!isTold) onWait();
      isTold = true;
      await delay(pollMs, undefined, { signal });
    }
  }

  /** Never fails: where the disk does not let it say so, the lock goes stale instead. */
  async release(): Promise<void> {
    await this.#heartbeat.stop(released).catch(() => undefined);
  }
}

/** Another process took the lock over. */
export class LockLostError extends Error {
  override readonly name = "LockLostError";

  constructor() {
    super("another process took the download over, because this one seemed dead");
  }
}

async function create<T>(
  { folder }: LockOptions,
  generation: number,
  toLock: (handle: FileHandle, text: string) => T,
): Promise<T | undefined> {
  const path = join(folder, String(generation));
  const text = await describeThisProcess();
  const handle = await open(path, "wx").catch((error: unknown) => {
    if (systemErrorCode(error) === "EEXIST") return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  await handle.write(text, 0);
  // The number may have been in use, and deleted as a lower one, since the highest was looked for.
  if ((await highestIn(folder)) !== generation) {
    await handle.close();
    await rm(path, { force: true });
    return undefined;
  }
  await removeBelow(folder, generation);
  return toLock(handle, text);
}

async function isHeld(path: string, { staleMs, cacheFolder }: LockOptions): Promise<boolean> {
  try {
    const text = await readFile(path, "utf8");
    if (text === released || (await stateOfProcess(text)) === "dead") return false;
    return (await ageOf(path, cacheFolder)) < staleMs;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return true; // a higher one was just created, and this one removed
    throw error;
  }
}

/** The highest number in use; 0 when there is none. */
async function highestIn(folder: string): Promise<number> {
  const numbers = (await readdir(folder)).map(Number).filter((number) => Number.isSafeInteger(number));
  return Math.max(0, ...numbers);
}

async function removeBelow(folder: string, generation: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => Number(name) < generation);
  await Promise.all(names.map((name) => rm(join(folder, name), { force: true })));
}
