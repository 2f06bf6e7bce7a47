import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";

export interface ServerOptions {
  /** What follows `ortler serve`; host, port and log level are given already. */
  readonly args: readonly string[];
  /** Module that the process loads before the program, with a channel to this process. */
  readonly preload?: string;
  /** Folder of the built program; `dist` by default. */
  readonly programs?: string;
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Kills it, also while it is not ready yet. */
  readonly signal?: AbortSignal;
}

/** Where the APIs are. */
export interface ServerPorts {
  readonly grpc: number;
  readonly tgis: number;
  readonly http: number;
  readonly health: number;
}

/** Resident memory by where it comes from, in bytes. */
export interface ResidentMemory {
  readonly total: number;
  /** Allocated: prepacked weights, KV cache, JavaScript. */
  readonly anonymous: number;
  /** Mapped files: weights that run from where they are, code. The system may drop and reread them. */
  readonly file: number;
}

/** The real `ortler serve`, as built in `dist`, on a free port. */
export class ServerProcess implements AsyncDisposable {
  private constructor(
    private readonly child: ChildProcess,
    readonly ports: ServerPorts,
    /** The model's name in its APIs. */
    readonly modelId: string,
    /** What its ready line says: milliseconds since Node took its time origin. */
    readonly readyMs: number,
    /** From `spawn` here to the ready line being read here. */
    readonly wallMs: number,
  ) {}

  static async start({ args, preload, programs = "dist", env, signal }: ServerOptions): Promise<ServerProcess> {
    signal?.throwIfAborted();
    const start = performance.now();
    const nodeArgs = preload === undefined ? [] : ["--import", preload];
    const ports = ["grpc", "tgis", "http", "health"].map((name) => `--${name}-port=0`);
    const program = [path.join(programs, "cli.js"), "serve", "--host=127.0.0.1", ...ports, "--log-level=warn"];
    const channel = preload === undefined ? [] : (["ipc"] as const);
    const child = spawn(process.execPath, [...nodeArgs, ...program, ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit", ...channel],
    });
    signal?.addEventListener("abort", () => child.kill("SIGKILL"), { once: true });
    const ready = await readyLine(child).catch((error: unknown) => {
      child.kill("SIGKILL");
      throw error;
    });
    return new ServerProcess(child, ready.ports, ready.model, ready.ms, performance.now() - start);
  }

  /** Of the gRPC API. */
  get port(): number {
    return this.ports.grpc;
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Undefined where the system has no /proc. */
  memory(): ResidentMemory | undefined {
    try {
      const status = readFileSync(`/proc/${this.child.pid}/status`, "utf8");
      const bytes = (name: string): number =>
        1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
      return { total: bytes("VmRSS"), anonymous: bytes("RssAnon"), file: bytes("RssFile") };
    } catch {
      return undefined;
    }
  }

  /** To the preloaded module. */
  send(message: string): void {
    this.child.send(message);
  }

  /** The next message of the preloaded module. */
  async answer(): Promise<unknown> {
    const [message] = (await once(this.child, "message")) as [unknown];
    return message;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGTERM");
    await once(this.child, "exit");
  }
}

/** What the server prints once it serves. */
interface ReadyLine {
  readonly event?: string;
  readonly ports: ServerPorts;
  readonly model: string;
  readonly ms: number;
}

async function readyLine(child: ChildProcess): Promise<ReadyLine> {
  if (child.stdout === null) throw new Error("the server's standard output is not a pipe");
  for await (const line of createInterface(child.stdout)) {
    const parsed = JSON.parse(line) as ReadyLine; // from our own program
    if (parsed.event !== "ready") continue;
    child.stdout.resume(); // nobody reads on, and it must not fill up
    return parsed;
  }
  throw new Error("the server ended before it was ready");
}
