/** Runs a pod's container as a node would: namespaces, a control group, an arbitrary user. For root, on Linux. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { readImageConfig } from "../../image/dockerfile.js";
import { MemoryLimit } from "./memory-limit.js";
import { PodNetwork, type Neighbour } from "./network.js";
import type { Pod } from "./pod.js";
import { failuresBeforeSuccess, type Probe, type ProbeTarget } from "./probe.js";
import { enterScript, user } from "./root.js";

/** How a container ended. */
export interface End {
  /** Null when it had to be killed. */
  readonly exitCode: number | null;
  readonly isInGracePeriod: boolean;
}

/** What the container's first process may do, as the kernel has it. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Effective ones, a bit each. */
  readonly capabilities: bigint;
  readonly hasNoNewPrivileges: boolean;
}

/**
 * Not as on a node: the CPU limit and the seccomp profile are not applied, and an emptyDir is a tmpfs, which counts
 * towards the memory limit.
 */
export class RunningPod implements AsyncDisposable, ProbeTarget {
  readonly #image = readImageConfig("cpu");
  readonly #container: ChildProcess;
  /** What the container has written so far. */
  #log = "";

  private constructor(
    readonly pod: Pod,
    private readonly network: PodNetwork,
    private readonly limit: MemoryLimit,
    private readonly folder: string,
  ) {
    const { command, args } = pod;
    const run = command.length > 0 ? command : this.#image.entrypoint;
    const all = [...run, ...(args.length > 0 || command.length > 0 ? args : this.#image.command)];
    const unshare = ["unshare", "--mount", "--pid", "--fork", "--"];
    const namespaces = [`--net=/run/netns/${network.name}`, ...unshare];
    this.#container = spawn("nsenter", [...namespaces, "bash", "-c", this.#script(), "bash", ...all], {
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#container.stdout, this.#container.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
  }

  /** @param neighbours What the pod finds in the cluster around it. */
  static async start(pod: Pod, neighbours: readonly Neighbour[] = []): Promise<RunningPod> {
    if (!existsSync("dist/cli.js")) execFileSync("node", ["scripts/build.js"], { stdio: "pipe" });
    const network = await PodNetwork.create(neighbours);
    try {
      const limit = MemoryLimit.create(network.name, pod.memoryBytes);
      const folder = mkdtempSync(join(tmpdir(), "ortler-pod-"));
      const names = neighbours.map(({ host }) => `${network.gateway} ${host}`);
      const hosts = ["127.0.0.1 localhost", `${network.address} ${pod.name}`, ...names];
      writeFileSync(join(folder, "hosts"), `${hosts.join("\n")}\n`);
      return new RunningPod(pod, network, limit, folder);
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The pod's IP address. */
  get address(): string {
    return this.network.address;
  }

  /** Does what the kubelet does until the container gets requests. @throws {Error} when it would restart it instead. */
  async untilReady(): Promise<void> {
    for (const name of ["startup", "readiness"] as const) await this.expectSuccess(name);
  }

  /** @throws {Error} when a probe fails as often as makes the kubelet act. */
  async expectSuccess(name: "startup" | "readiness" | "liveness"): Promise<void> {
    const probe: Probe = this.pod[name];
    const failures = await failuresBeforeSuccess(probe, this, () => this.#hasEnded);
    if (failures >= probe.failureThreshold)
      throw new Error(`${name}: ${this.#hasEnded ? "ended" : "failed too often"}: ${this.#log.slice(-2000)}`);
  }

  exec(command: readonly string[], timeoutSeconds: number): number | null {
    const spaces = ["mount", "pid", "net", "root", "wd"].map((name) => `--${name}`);
    const enter = [`--target=${this.#firstProcess()}`, ...spaces, `--setuid=${user}`, "--setgid=0", "--"];
    return spawnSync("nsenter", [...enter, ...command], { env: this.#env, timeout: timeoutSeconds * 1000 }).status;
  }

  identity(): Identity {
    const status = readFileSync(`/proc/${this.#firstProcess()}/status`, "utf8");
    const field = (name: string): string => new RegExp(`^${name}:\\s+(\\w+)`, "m").exec(status)?.[1] ?? "";
    return {
      uid: Number(field("Uid")),
      gid: Number(field("Gid")),
      capabilities: BigInt(`0x${field("CapEff")}`),
      hasNoNewPrivileges: field("NoNewPrivs") === "1",
    };
  }

  /** The limit of the group that the container's first process is in. @throws {Error} when it is in another. */
  memoryLimitBytes(): number {
    return this.limit.bytesFor(this.#firstProcess());
  }

  /** Deletes the pod: sleeps as its hook says, sends SIGTERM, and SIGKILL at the end of the grace period. */
  async stop(): Promise<End> {
    const exited = once(this.#container, "exit") as Promise<[number | null]>;
    await setTimeout(this.pod.preStopSeconds * 1000);
    process.kill(this.#firstProcess(), "SIGTERM");
    const waiting = new AbortController();
    const graceLeftMs = (this.pod.graceSeconds - this.pod.preStopSeconds) * 1000;
    const graceEnds = setTimeout(graceLeftMs, undefined, { signal: waiting.signal });
    const isInGracePeriod = await Promise.race([exited.then(() => true), graceEnds.then(() => false)]);
    waiting.abort();
    await graceEnds.catch(() => undefined); // aborted
    if (!isInGracePeriod) this.#kill();
    const [exitCode] = await exited;
    return { exitCode: isInGracePeriod ? exitCode : null, isInGracePeriod };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) {
      const exited = once(this.#container, "exit");
      this.#kill();
      await exited;
    }
    this.limit[Symbol.dispose]();
    await this.network[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true });
  }

  get #env(): Readonly<Record<string, string>> {
    return { ...this.#image.env, ...this.pod.env };
  }

  get #hasEnded(): boolean {
    return this.#container.exitCode !== null || this.#container.signalCode !== null;
  }

  /** The container's first process, as it is numbered out here. @throws {Error} when there is none. */
  #firstProcess(): number {
    const { pid } = this.#container;
    const first = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"));
    if (!(first > 0)) throw new Error(`the container has no process: ${this.#log.slice(-2000)}`);
    return first;
  }

  /** By its first process, for which the outer one waits, so that nothing runs any more once that has ended. */
  #kill(): void {
    process.kill(this.#firstProcess(), "SIGKILL");
  }

  #script(): string {
    const filesAt = (path: string): string => join(this.folder, "files", path);
    for (const mount of this.pod.mounts) {
      if (mount.kind !== "files") continue;
      mkdirSync(filesAt(mount.path), { recursive: true });
      for (const [name, text] of Object.entries(mount.files)) writeFileSync(join(filesAt(mount.path), name), text);
    }
    const root = join(this.folder, "root");
    mkdirSync(root);
    return enterScript({ ...this.pod, root, group: this.limit, hosts: join(this.folder, "hosts"), filesAt });
  }
}
