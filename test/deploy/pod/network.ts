/** A pod's network: its own ports and IP address, reachable from this machine and no other. For root, on Linux. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** A service of this machine that the pod finds under a host name. */
export interface Neighbour {
  readonly host: string;
  /** Where the pod looks for it. */
  readonly port: number;
  /** Where it is, on this machine's loopback address. */
  readonly localPort: number;
}

export class PodNetwork implements AsyncDisposable {
  readonly #relays: { readonly server: Server; readonly sockets: Set<Socket> }[] = [];

  private constructor(
    /** Of the network namespace. */
    readonly name: string,
    /** The pod's own address. */
    readonly address: string,
    /** This machine's address, as the pod sees it. */
    readonly gateway: string,
  ) {}

  /** Makes a network of two addresses out of 198.18.0.0/15, which is for tests (RFC 2544), by this process's id. */
  static async create(neighbours: readonly Neighbour[]): Promise<PodNetwork> {
    const index = process.pid % 32_768;
    const base = [198, 18 + (index >> 14), (index >> 6) & 0xff, (index << 2) & 0xff];
    const [a, b, c, d = 0] = base;
    const network = new PodNetwork(`ortler-${index}`, `${a}.${b}.${c}.${d + 2}`, `${a}.${b}.${c}.${d + 1}`);
    ip("netns", "add", network.name);
    try {
      network.#connect();
      for (const neighbour of neighbours) await network.#relay(neighbour);
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  #connect(): void {
    const { name, address, gateway } = this;
    const inside = ["-n", name];
    ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name);
    ip("addr", "add", `${gateway}/30`, "dev", name);
    ip("link", "set", name, "up");
    ip(...inside, "addr", "add", `${address}/30`, "dev", "eth0");
    ip(...inside, "link", "set", "eth0", "up");
    ip(...inside, "link", "set", "lo", "up");
  }

  async #relay({ port, localPort }: Neighbour): Promise<void> {
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const upstream = connect(localPort, "127.0.0.1");
      client.pipe(upstream).pipe(client);
      for (const socket of [client, upstream]) sockets.add(socket.on("error", () => undefined));
    });
    await once(server.listen(port, this.gateway), "listening");
    this.#relays.push({ server, sockets });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { server, sockets } of this.#relays) {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), "close");
    }
    ip("netns", "delete", this.name); // and with it both ends of the cable
  }
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: "pipe" });
}
