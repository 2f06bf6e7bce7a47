import { settings, type Config } from "../config/settings.js";

/** What one client may cost: the settings that every port keeps. */
export type Limits = Pick<
  Config,
  | "maxConnections"
  | "maxStreamsPerConnection"
  | "maxHeaderBytes"
  | "maxBodyBytes"
  | "maxGrpcMessageBytes"
  | "receiveTimeoutSeconds"
  | "sendTimeoutSeconds"
  | "httpKeepaliveSeconds"
  | "grpcKeepaliveSeconds"
  | "grpcKeepaliveTimeoutSeconds"
  | "maxConnectionAgeSeconds"
  | "maxConnectionAgeGraceSeconds"
>;

/** What holds for a server that is not told otherwise. */
export const defaultLimits: Limits = {
  maxConnections: settings.maxConnections.default,
  maxStreamsPerConnection: settings.maxStreamsPerConnection.default,
  maxHeaderBytes: settings.maxHeaderBytes.default,
  maxBodyBytes: settings.maxBodyBytes.default,
  maxGrpcMessageBytes: settings.maxGrpcMessageBytes.default,
  receiveTimeoutSeconds: settings.receiveTimeoutSeconds.default,
  sendTimeoutSeconds: settings.sendTimeoutSeconds.default,
  httpKeepaliveSeconds: settings.httpKeepaliveSeconds.default,
  grpcKeepaliveSeconds: settings.grpcKeepaliveSeconds.default,
  grpcKeepaliveTimeoutSeconds: settings.grpcKeepaliveTimeoutSeconds.default,
  maxConnectionAgeSeconds: settings.maxConnectionAgeSeconds.default,
  maxConnectionAgeGraceSeconds: settings.maxConnectionAgeGraceSeconds.default,
};

/** What a client is told that has not sent all of its request in time. */
export function lateText(receiveTimeoutSeconds: number): string {
  return `the request must come within ${receiveTimeoutSeconds} s (--receive-timeout-seconds)`;
}
