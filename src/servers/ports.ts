/** Which ports are opened, and what answers on each: from the settings, before anything is bound. */
import type { Config } from "../config/settings.js";
import { ConfigurationError } from "../errors.js";

/** What has a port of its own, by the names of the settings: `--grpc-port`, `--no-grpc` and so on. */
export type PortName = "grpc" | "tgis" | "http" | "health";

export type PortSettings = Pick<Config, "port" | `${PortName}Port` | PortName>;

/** What answers on a port; the one port has all of it. */
export type Content = "all" | "grpc" | "http" | "health";

export interface PlannedPort {
  /** 0 picks a free one. */
  readonly port: number;
  readonly serves: Content;
  /** What is to be found there; for the ready line. */
  readonly names: readonly PortName[];
}

/** The contract's ports. TGIS's has the same services as Caikit's. */
const own = {
  grpc: { port: 8085, serves: "grpc" },
  tgis: { port: 8033, serves: "grpc" },
  http: { port: 8080, serves: "http" },
  health: { port: 3000, serves: "health" },
} as const satisfies Record<PortName, Pick<PlannedPort, "port" | "serves">>;

const names = Object.keys(own) as PortName[];

/**
 * Settings that name the same port share it when they serve the same, as `--grpc-port 8033` beside TGIS's default.
 * @throws {ConfigurationError} when they do not.
 */
export function planPorts(settings: PortSettings): PlannedPort[] {
  const wanted = names.filter((name) => settings[name]);
  const given = (name: PortName): number | undefined => settings[`${name}Port`];
  const planned: PlannedPort[] = [];
  if (settings.port !== undefined) {
    const names = wanted.filter((name) => given(name) === undefined || isSame(given(name), settings.port));
    planned.push({ port: settings.port, serves: "all", names });
  }
  for (const name of wanted.filter((name) => !planned.some(({ names }) => names.includes(name)))) {
    const { serves } = own[name];
    const port = given(name) ?? own[name].port;
    const sharing = planned.findIndex((other) => isSame(other.port, port));
    const shared = planned[sharing];
    if (shared === undefined) planned.push({ port, serves, names: [name] });
    else if (shared.serves === serves) planned[sharing] = { ...shared, names: [...shared.names, name] };
    else throw collision(shared.names, name, port);
  }
  return planned;
}

/** Every 0 is another free port. */
function isSame(one: number | undefined, other: number | undefined): boolean {
  return one === other && one !== 0;
}

/** @param cause what the system says. */
export function cannotListen(host: string, port: number, cause: unknown): ConfigurationError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ConfigurationError(`cannot listen on ${host}:${port}: ${why}`, { cause });
}

function collision(taken: readonly PortName[], name: PortName, port: number): ConfigurationError {
  return new ConfigurationError(
    `--${taken[0]}-port and --${name}-port are both ${port} but serve different things; ` +
      `--port ${port} serves everything on one port`,
  );
}
