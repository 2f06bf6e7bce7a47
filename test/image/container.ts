import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { readImageConfig } from "./dockerfile.js";

export const root = resolve(".cache/image/rootfs");

/** As OpenShift runs containers: a user that nobody knows, in group 0. */
const user = 1_000_680_000;

/**
 * What container runtimes do: the image read-only, a scratch volume at /tmp, the model at /mnt/models, /etc/hosts, and
 * no way to more rights. `$1` is the root, `$2` the model; the rest is run, as the first process.
 */
const enter = `set -e
mount --make-rprivate /
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --bind /etc/hosts "$1/etc/hosts"
mount --bind "$2" "$1/mnt/models" && mount -o remount,bind,ro "$1/mnt/models"
root=$1; shift 2
exec setpriv --no-new-privs chroot --userspec=${user}:0 --groups= "$root" "$@"`;

export interface ContainerOptions {
  /** Of the Dockerfile. */
  readonly target: string;
  /** Folder mounted at /mnt/models. */
  readonly model: string;
  /** Replaces the entrypoint, as in a pod. */
  readonly command?: readonly string[];
  /** Replaces the command of the Dockerfile, as in a pod. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ready {
  readonly model: string;
  readonly ports: Readonly<Record<string, number>>;
}

/** A server in a container made of namespaces; for root, on Linux. */
export class Container implements AsyncDisposable {
  private constructor(
    private readonly outer: ChildProcess,
    private readonly env: Readonly<Record<string, string>>,
    readonly ready: Ready,
    /** The container's first process, as it is numbered out here. */
    readonly pid: number,
  ) {}

  /** Resolves once the server is ready. */
  static async start({ target, model, command, args, env }: ContainerOptions): Promise<Container> {
    const image = readImageConfig(target);
    const run = [...(command ?? image.entrypoint), ...(args ?? (command === undefined ? image.command : []))];
    const all = { ...image.env, ...env };
    const flags = ["--mount", "--pid", "--fork", "--"];
    const outer = spawn("unshare", [...flags, "bash", "-c", enter, "bash", root, resolve(model), ...run], {
      env: all,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log = text(outer.stderr);
    const ready = await firstLine(outer);
    if (ready === undefined) throw new Error(`the container ended before it was ready: ${(await log).slice(-1000)}`);
    const pid = Number(readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, "utf8"));
    return new Container(outer, all, JSON.parse(ready) as Ready, pid);
  }

  /** Runs a program in the container, as the kubelet does for exec probes. */
  exec(program: string, ...args: readonly string[]): { readonly code: number; readonly output: string } {
    const enterArgs = ["-t", String(this.pid), "-m", "-p", "-r", "-w", "-S", String(user), "-G", "0"];
    try {
      const output = execFileSync("nsenter", [...enterArgs, "--", program, ...args], {
        encoding: "utf8",
        env: this.env,
        stdio: ["ignore", "pipe", "pipe"],
      });
      return { code: 0, output };
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: string }; // execFileSync throws these
      return { code: status, output: stderr };
    }
  }

  /** Sends SIGTERM to the first process. @returns the exit code. */
  async stop(): Promise<number | null> {
    const exited = once(this.outer, "exit") as Promise<[number | null]>;
    process.kill(this.pid, "SIGTERM");
    const [code] = await exited;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.outer.exitCode !== null || this.outer.signalCode !== null) return;
    process.kill(this.pid, "SIGKILL");
    await once(this.outer, "exit");
  }
}

async function firstLine({ stdout }: ChildProcess): Promise<string | undefined> {
  let seen = "";
  for await (const chunk of stdout?.setEncoding("utf8").iterator({ destroyOnReturn: false }) ?? []) {
    seen += String(chunk);
    if (seen.includes("\n")) {
      stdout?.resume();
      return seen.split("\n")[0];
    }
  }
  return undefined;
}
