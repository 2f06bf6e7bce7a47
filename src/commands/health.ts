import { positiveSeconds, toggle } from "../config/kinds.js";
import { loadOptions } from "../config/load.js";
import type { OptionTable, Values } from "../config/options.js";
import { settings } from "../config/settings.js";
import { ConfigurationError } from "../errors.js";
import type { Content, PlannedPort } from "../servers/ports.js";
import type { Command } from "./command.js";
import type { HealthAnswer } from "./health-check.js";

const options = {
  liveness: {
    kind: toggle(),
    default: false,
    group: "Health",
    doc: "Fail only where a server listens and does not answer: one that starts, drains or is busy is alive.",
    isFlagOnly: true,
  },
  timeoutSeconds: {
    kind: positiveSeconds(),
    default: 5,
    group: "Health",
    doc: "Longest to wait for the answer. Keep it below the probe's own timeout.",
    isFlagOnly: true,
  },
  host: settings.host,
  port: settings.port,
  grpcPort: settings.grpcPort,
  grpc: settings.grpc,
  tgisPort: settings.tgisPort,
  tgis: settings.tgis,
  httpPort: settings.httpPort,
  http: settings.http,
  healthPort: settings.healthPort,
  health: settings.health,
  tlsCert: settings.tlsCert,
} as const satisfies OptionTable;

type HealthValues = Values<typeof options>;

export const command: Command = {
  usage: "health [ADDRESS] [options]",
  description: `Asks a server whether it serves, and ends with 0 if so and with 1 if not: for exec probes.

ADDRESS is http://HOST:PORT/PATH, https://..., grpc://HOST:PORT or grpcs://HOST:PORT. Without one it is the server of
this machine that has the settings below, from the flags and the environment: its port for health, else the one for
everything, else gRPC, else HTTP.`,
  table: options,

  async run(args) {
    const { values, positionals } = loadOptions({ table: options, args });
    const [given, unexpected] = positionals;
    if (unexpected !== undefined) throw new ConfigurationError(`unexpected argument ${JSON.stringify(unexpected)}`);
    const address = given === undefined ? await ownAddress(values) : parseAddress(given);
    const { state, detail } = await ask(address, values.timeoutSeconds * 1000);
    const isWell = values.liveness ? state !== "silent" : state === "serving";
    (isWell ? process.stdout : process.stderr).write(`${address.href} ${state}: ${detail}\n`);
    return isWell ? 0 : 1;
  },
};

/** @throws {ConfigurationError} for an address of another scheme. */
async function ask(address: URL, timeoutMs: number): Promise<HealthAnswer> {
  const { protocol, href } = address;
  if (protocol === "http:" || protocol === "https:") {
    const { askOverHttp } = await import("./health-check.js");
    return askOverHttp(address, timeoutMs);
  }
  if (protocol === "grpc:" || protocol === "grpcs:") {
    const { askOverGrpc } = await import("./grpc-health-check.js");
    return askOverGrpc(address, timeoutMs);
  }
  throw new ConfigurationError(`the address must begin with http, https, grpc or grpcs, got ${href}`);
}

/** What is asked first: what is plain HTTP and asks the engine; Caikit's own /health, on the HTTP port, knows least. */
const preference: readonly Content[] = ["health", "all", "grpc", "http"];

/** Where the server with these settings says how it is. */
async function ownAddress(values: HealthValues): Promise<URL> {
  const { planPorts } = await import("../servers/ports.js");
  const rank = ({ serves }: PlannedPort): number => preference.indexOf(serves);
  const [planned] = planPorts(values).sort((one, other) => rank(one) - rank(other));
  if (planned === undefined) throw new ConfigurationError("these settings open no port that could be asked");
  const { port, serves } = planned;
  if (port === 0) throw new ConfigurationError("port 0 is a free one that only the server knows: name the ADDRESS");
  const tls = serves !== "health" && values.tlsCert !== "" ? "s" : "";
  const place = `${tls}://${loopback(values.host)}:${port}`;
  return new URL(serves === "grpc" ? `grpc${place}` : `http${place}/health`);
}

/** An address to call for one to listen on: "all addresses" is none that can be called. */
function loopback(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

function parseAddress(text: string): URL {
  if (!URL.canParse(text)) throw new ConfigurationError(`the address must be a URL, got ${JSON.stringify(text)}`);
  return new URL(text);
}
