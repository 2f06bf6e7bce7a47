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

type Answers = Pick<HealthOptions, "isHealthy" | "exposition" | "detail">;

export interface EarlyHealth extends OpenPort {
  /** What it gives as the reason until there is progress: `loading`, if nothing else. */
  readonly say: (reason: string) => void;
  /** Told of each step of the model's way. */
  readonly onProgress: (progress: Progress) => void;
  /** The model is here: from now on these answer. */
  readonly become: (answers: Answers) => void;
}

/** @throws {ConfigurationError} when the port cannot be listened on. */
export async function openEarlyHealth(config: Config, { port }: PlannedPort, log: Logger): Promise<EarlyHealth> {
  let reason = "loading";
  let progress: Progress | undefined;
  let loaded: Answers | undefined;
  const loading: Answers = { isHealthy: () => Promise.resolve(false), exposition: fetchingExposition(() => progress) };
  const options = {
    ...{ host: config.host, port, log, limits: config },
    connections: new ConnectionCount(config.maxConnections, log),
    isHealthy: async () => (loaded ?? loading).isHealthy(),
    exposition: async () => (loaded ?? loading).exposition(),
    reason: () => (loaded === undefined ? (describeProgress(progress) ?? reason) : "unhealthy"),
    detail: () => loaded?.detail?.(),
  };
  try {
    const server = await startHealthServer(options);
    return {
      port: server.port,
      drain: async () => server.close(),
      say: (text) => (reason = text),
      onProgress: (step) => (progress = step),
      become: (answers) => (loaded = answers),
    };
  } catch (cause) {
    throw cannotListen(config.host, port, cause);
  }
}

/** `loading 63%`; undefined as long as there is nothing to tell. */
function describeProgress(progress: Progress | undefined): string | undefined {
  if (progress === undefined || progress.bytesTotal === 0) return undefined;
  return `loading ${Math.floor((100 * progress.bytesDone) / progress.bytesTotal)}%`;
}
