/** A real Prometheus that scrapes servers of this machine: `scripts/prometheus.sh` gives one. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { objectsAt, textAt, type JsonObject } from "../support/json.js";

/** A pod to be scraped: its health port, on this machine. */
export interface Target {
  readonly pod: string;
  readonly port: number;
}

/** Short, so that a rate has its samples within a second. */
const interval = "250ms";

export class Prometheus implements AsyncDisposable {
  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
    private readonly origin: string,
  ) {}

  /** @param rules a file of alerts, which it evaluates all the time. */
  static async start(binary: string, targets: readonly Target[], rules: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), "ortler-prometheus-"));
    writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(configOf(targets, rules))); // JSON is YAML
    const address = `127.0.0.1:${await freePort()}`;
    const args = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
    const process = spawn(binary, [...args, `--web.listen-address=${address}`, "--log.level=error"], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    return new Prometheus(process, folder, `http://${address}`);
  }

  /** Whether it answers yet. */
  async isReady(): Promise<boolean> {
    return fetch(`${this.origin}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  /** @returns the values of a query's series now. @throws {Error} with Prometheus's words when it is no query. */
  async query(query: string): Promise<number[]> {
    const answer = await this.#get(`query?${new URLSearchParams({ query }).toString()}`);
    return objectsAt(answer, "data", "result").map(({ value }) => Number(Array.isArray(value) ? value[1] : NaN));
  }

  /**
   * @returns for each alert the pods that it is about now, however long.
   * @throws {Error} when a rule could not be evaluated, or has not been yet.
   */
  async alerts(): Promise<Record<string, string[]>> {
    const rules = objectsAt(await this.#get("rules"), "data", "groups").flatMap((group) => objectsAt(group, "rules"));
    const broken = rules.filter(({ health }) => health !== "ok");
    if (broken.length > 0) throw new Error(`not evaluated: ${JSON.stringify(broken)}`);
    return Object.fromEntries(rules.map((rule) => [textAt(rule, "name"), podsOf(rule)]));
  }

  async #get(path: string): Promise<unknown> {
    const answer: unknown = await (await fetch(`${this.origin}/api/v1/${path}`)).json();
    if (textAt(answer, "status") !== "success") throw new Error(`${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill();
    await once(this.process, "exit");
    rmSync(this.folder, { recursive: true });
  }
}

function podsOf(rule: JsonObject): string[] {
  return objectsAt(rule, "alerts").map((alert) => textAt(alert, "labels", "pod"));
}

/** With the labels that the Prometheus operator gives to what a pod exports. */
function configOf(targets: readonly Target[], rules: string): object {
  const configs = targets.map(({ pod, port }) => ({
    targets: [`127.0.0.1:${port}`],
    labels: { namespace: "models", pod },
  }));
  return {
    global: { scrape_interval: interval, evaluation_interval: interval },
    rule_files: [resolve(rules)],
    scrape_configs: [{ job_name: "ortler", static_configs: configs }],
  };
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}
