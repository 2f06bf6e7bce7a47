/** Servers as built, for Prometheus to scrape: one that is asked all the time, and one whose model does not come. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveFiles } from "../../support/file-server.js";
import { ask } from "../pod/ask.js";
import { freePort } from "./prometheus.js";

const names = ["grpc", "tgis", "http", "health"] as const;
type Ports = Readonly<Record<(typeof names)[number], number>>;

class ServerProcess {
  private constructor(
    readonly ports: Ports,
    private readonly child: ChildProcess,
  ) {}

  static async start(args: readonly string[]): Promise<ServerProcess> {
    if (!existsSync("dist/cli.js")) execFileSync("node", ["scripts/build.js"], { stdio: "pipe" });
    const found = await Promise.all(names.map(async (name) => [name, await freePort()] as const));
    const flags = found.map(([name, port]) => `--${name}-port=${port}`);
    const run = ["dist/cli.js", "serve", "--host=127.0.0.1", "--log-level=error", ...flags, ...args];
    const child = spawn(process.execPath, run, { stdio: ["ignore", "ignore", "inherit"] });
    return new ServerProcess(Object.fromEntries(found) as Ports, child); // of all names
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill();
    await once(this.child, "exit");
  }
}

/** Serves the shipped model, and is asked by gRPC and HTTP, well and badly, from the start to the end. */
export class BusyServer implements AsyncDisposable {
  readonly #stopping = new AbortController();
  readonly #asking: Promise<void>;

  private constructor(private readonly server: ServerProcess) {
    this.#asking = this.#ask();
  }

  static async start(): Promise<BusyServer> {
    return new BusyServer(await ServerProcess.start(["--kv-dtype=int8"])); // which lets it guess tokens
  }

  get healthPort(): number {
    return this.server.ports.health;
  }

  async #ask(): Promise<void> {
    const { grpc, http } = this.server.ports;
    while (!this.#stopping.signal.aborted) {
      const tokens = { max_new_tokens: 64, repetition_penalty: 1 };
      const asked = [
        ask(`127.0.0.1:${grpc}`, "tiny"),
        generate(http, tokens),
        generate(http, { max_new_tokens: 100_000 }),
      ];
      await Promise.allSettled(asked); // refusals are meant, and before it is ready all are refused
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#asking;
    await this.server.stop();
  }
}

async function generate(port: number, parameters: object): Promise<void> {
  const body = JSON.stringify({ inputs: "the whale and the whale and the whale and the", parameters });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`http://127.0.0.1:${port}/generate`, { method: "POST", headers, body });
  await response.text();
}

/** Fetches its model from a store that stops in the midst of it. */
export class FetchingServer implements AsyncDisposable {
  private constructor(
    private readonly server: ServerProcess,
    private readonly store: Server,
    private readonly cache: string,
  ) {}

  static async start(): Promise<FetchingServer> {
    const cache = mkdtempSync(join(tmpdir(), "ortler-fetching-"));
    const store = createStalling("models/tiny").listen(0, "127.0.0.1");
    await once(store, "listening");
    const { port } = store.address() as AddressInfo;
    const from = [`--model=http://127.0.0.1:${port}/`, `--model-cache=${cache}`];
    return new FetchingServer(await ServerProcess.start(from), store, cache);
  }

  get healthPort(): number {
    return this.server.ports.health;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
    this.store.closeAllConnections();
    await once(this.store.close(), "close");
    rmSync(this.cache, { recursive: true });
  }
}

function createStalling(folder: string): Server {
  const files = readdirSync(folder).map((name) => [`/${name}`, readFileSync(join(folder, name))] as const);
  const serve = serveFiles(new Map(files));
  return createServer((request, response) => {
    const isStalled = request.method === "GET" && request.url === "/model.safetensors";
    if (!isStalled) serve(request, response); // of the weights, it says how many there are
  });
}
