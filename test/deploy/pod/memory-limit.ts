import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where control groups of version 2 and of version 1 are mounted, and the file with the limit. */
const hierarchies = [
  { parent: "/sys/fs/cgroup", file: "memory.max" },
  { parent: "/sys/fs/cgroup/memory", file: "memory.limit_in_bytes" },
] as const;

/** A memory limit as containers have it, by a control group, in which the container sees just itself. */
export class MemoryLimit implements Disposable {
  private constructor(
    /** The group's folder. */
    readonly folder: string,
    /** Where the container sees it. */
    readonly mountPoint: string,
    private readonly file: string,
  ) {}

  /** @throws {Error} when this machine lets nobody make a group with a memory limit. */
  static create(name: string, bytes: number): MemoryLimit {
    for (const { parent, file } of hierarchies) {
      const folder = join(parent, name);
      if (!isMade(folder)) continue;
      if (existsSync(join(folder, file))) {
        writeFileSync(join(folder, file), String(bytes));
        return new MemoryLimit(folder, parent, file);
      }
      rmdirSync(folder); // a hierarchy without the memory controller
    }
    throw new Error("there is no control group hierarchy here that takes a memory limit");
  }

  /** The limit, as the kernel has it, for a process of the group. @throws {Error} when it is not in it. */
  bytesFor(pid: number): number {
    const members = readFileSync(join(this.folder, "cgroup.procs"), "utf8").split("\n");
    if (!members.includes(String(pid))) throw new Error(`process ${pid} is not in ${this.folder}`);
    return Number(readFileSync(join(this.folder, this.file), "utf8"));
  }

  /** Only once nothing runs in it any more. */
  [Symbol.dispose](): void {
    rmdirSync(this.folder);
  }
}

function isMade(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch {
    return false; // read-only, or not there
  }
}
