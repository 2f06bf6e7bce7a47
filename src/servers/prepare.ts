/** What can be wrong with the ports before a model is loaded, which may take minutes. */
import { openApiKeys, type ApiKeys } from "../api/api-keys.js";
import { openTls, type TlsCertificates } from "../api/tls.js";
import type { Config } from "../config/settings.js";
import type { Logger } from "../telemetry/log.js";
import { planPorts, type PlannedPort } from "./ports.js";

export interface Prepared {
  readonly ports: readonly PlannedPort[];
  readonly tls: TlsCertificates | undefined;
  readonly apiKeys: ApiKeys | undefined;
}

/** @throws {ConfigurationError} when ports collide, or when certificates or keys cannot be used. */
export function prepareServers(config: Config, log: Logger): Prepared {
  return { ports: planPorts(config), apiKeys: openApiKeys(config.apiKeysFile), tls: openTls(config, log) };
}
