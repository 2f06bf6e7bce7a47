/**
 * Whether a process that left a file in the cache still lives.
 *
 * On the same machine and in the same PID namespace the process table knows at once. For others (containers and
 * machines that share the volume) there is the heartbeat: a living process writes its file every few seconds, and the
 * file's age is measured by the file system's own clock, as machines' clocks differ.
 */
import { readFile, readlink, open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { isJsonObject } from "../../checkpoint/json.js";

export interface HeartbeatTiming {
  readonly beatMs: number;
  /** A file that was not written for so long has nobody behind it. Many times `beatMs`: event loops stall. */
  readonly staleMs: number;
}

export const defaultTiming: HeartbeatTiming = { beatMs: 3000, staleMs: 30_000 };

/** What tells one process from all others, as far as Linux says; empty texts elsewhere. */
interface ProcessIdentity {
  /** Of the machine's start and the PID namespace. */
  readonly realm: string;
  readonly pid: number;
  /** In ticks since the machine's start: PIDs are used again. */
  readonly startTime: string;
}

let own: Promise<ProcessIdentity> | undefined;

/** What a process writes into its files in the cache. */
export async function describeThisProcess(): Promise<string> {
  own ??= identify();
  return JSON.stringify(await own);
}

/** Writes its own file again and again, as long as the process lives. */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout;
  #beating: Promise<unknown> = Promise.resolve();

  /**
   * @param handle Of the file, open for writing; closed by `stop`.
   * @param onBeat Called before each beat, for what else has to be looked at in time.
   */
  constructor(
    private readonly handle: FileHandle,
    private readonly text: string,
    { beatMs }: HeartbeatTiming,
    onBeat: () => Promise<void> = () => Promise.resolve(),
  ) {
    const beat = () => {
      this.#beating = this.#beating.then(onBeat).then(() => this.handle.write(this.text, 0));
      this.#beating = this.#beating.catch(() => undefined); // a file that is gone is missed by nobody; see onBeat
    };
    this.#timer = setInterval(beat, beatMs);
    this.#timer.unref();
  }

  /** @param lastText What the file says from then on. */
  async stop(lastText?: string): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    try {
      if (lastText === undefined) return;
      await this.handle.truncate(0);
      await this.handle.write(lastText, 0);
    } finally {
      await this.handle.close();
    }
  }
}

/** What a file says of its process. `unknown`: only the heartbeat can tell. */
export type ProcessState = "alive" | "dead" | "unknown";

/** @param text What `describeThisProcess` gave there. */
export async function stateOfProcess(text: string): Promise<ProcessState> {
  const other = parseIdentity(text);
  own ??= identify();
  const { realm } = await own;
  if (other === undefined || realm === "" || other.realm !== realm) return "unknown";
  return (await startTimeOf(other.pid)) === other.startTime ? "alive" : "dead";
}

/** Milliseconds since the file was last written, by the file system's clock. */
export async function ageOf(path: string, cacheFolder: string): Promise<number> {
  const [now, written] = [await fileSystemTime(cacheFolder), await modificationTime(path)];
  return now - written;
}

async function fileSystemTime(cacheFolder: string): Promise<number> {
  const handle = await open(join(cacheFolder, "clock"), "a");
  try {
    await handle.write("."); // not utimes: that would be this machine's clock
    await handle.truncate(0);
    return (await handle.stat()).mtimeMs;
  } finally {
    await handle.close();
  }
}

/** Opened, because network file systems ask the server again only then. */
async function modificationTime(path: string): Promise<number> {
  const handle = await open(path, "r");
  try {
    return (await handle.stat()).mtimeMs;
  } finally {
    await handle.close();
  }
}

async function identify(): Promise<ProcessIdentity> {
  const [bootId, namespace, startTime] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
    readlink("/proc/self/ns/pid").catch(() => ""),
    startTimeOf(process.pid),
  ]);
  const isKnown = bootId !== "" && namespace !== "" && startTime !== undefined;
  return { realm: isKnown ? `${bootId.trim()} ${namespace}` : "", pid: process.pid, startTime: startTime ?? "" };
}

/** Undefined when there is no such process, or it is a zombie. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name, in parentheses, may have anything in it; the 20th field after it is the start time (proc(5)).
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? undefined : fields[19];
}

function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isJsonObject(value)) return undefined;
    const { realm, pid, startTime } = value;
    if (typeof realm !== "string" || typeof pid !== "number" || typeof startTime !== "string") return undefined;
    return { realm, pid, startTime };
  } catch {
    return undefined;
  }
}
