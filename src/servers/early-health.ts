/** Health and metrics of a server whose model is still on its way, so that whoever waits sees how far it is. */
import { ConnectionCount } from "../api/connection-count.js";
import type { HealthOptions } from "../api/http/health/answers.js";
import { startHealthServer } from "../api/http/health/server.js";
import type { Config } from "../config/settings.js";
import type { Logger } from "../telemetry/log.js";
import { fetchingExposition } from "../telemetry/metrics/fetching.js";
import type { Progress } from "../telemetry/progress/index.js";
import { cannotListen, type PlannedPort } from "./ports.js";
import type { OpenPort } from "./start.js";

type Answers = Pick<HealthOptions, "isHealthy" | "exposition">;

export interface EarlyHealth extends OpenPort {
  /** Told of each step of the model's way. */
  readonly onProgress: (progress: Progress) => void;
  /** The model is here: from now on these answer. */
  readonly become: (answers: Answers) => void;
}

/** @throws {ConfigurationError} when the port cannot be listened on. */
export async function openEarlyHealth(config: Config, { port }: PlannedPort, log: Logger): Promise<EarlyHealth> {
  let progress: Progress | undefined;
  let loaded: Answers | undefined;
  const loading: Answers = { isHealthy: () => Promise.resolve(false), exposition: fetchingExposition(() => progress) };
  const options = {
    ...{ host: config.host, port, log, limits: config },
    connections: new ConnectionCount(config.maxConnections, log),
    isHealthy: async () => (loaded ?? loading).isHealthy(),
    exposition: async () => (loaded ?? loading).exposition(),
    reason: () => (loaded === undefined ? describeLoading(progress) : "unhealthy"),
  };
  try {
    const server = await startHealthServer(options);
    return {
      port: server.port,
      drain: async () => server.close(),
      onProgress: (step) => (progress = step),
      become: (answers) => (loaded = answers),
    };
  } catch (cause) {
    throw cannotListen(config.host, port, cause);
  }
}

/** `loading 63%` */
function describeLoading(progress: Progress | undefined): string {
  if (progress === undefined || progress.bytesTotal === 0) return "loading";
  return `loading ${Math.floor((100 * progress.bytesDone) / progress.bytesTotal)}%`;
}
