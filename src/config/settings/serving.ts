/** What answers where, and for how long. */
import { integer, seconds, text, toggle } from "../kinds.js";
import type { OptionTable } from "../options.js";

export const servingSettings = {
  host: {
    kind: text("ADDRESS"),
    default: "0.0.0.0",
    group: "Serving",
    doc: "Address to listen on. `::` for IPv6, `127.0.0.1` for this machine only.",
  },
  port: {
    kind: integer(0, 65_535),
    default: undefined,
    defaultText: "none: ports of their own for gRPC, HTTP and health",
    group: "Serving",
    doc: "One port for everything: gRPC, HTTP, health and metrics. The ports below are opened beside it only where they are given. 0 picks a free one.",
    // TGIS's environment name for it is PORT, which Knative sets in every container to something else.
  },
  grpcPort: {
    kind: integer(0, 65_535),
    default: undefined,
    defaultText: "8085, unless --port is given",
    group: "Serving",
    doc: "Port of the gRPC services, Caikit's own. 0 picks a free one.",
    aliases: [{ env: "RUNTIME_GRPC_PORT" }],
  },
  grpc: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether to serve gRPC on --grpc-port, or on --port.",
    aliases: [{ env: "RUNTIME_GRPC_ENABLED" }],
  },
  tgisPort: {
    kind: integer(0, 65_535),
    default: undefined,
    defaultText: "8033, unless --port is given",
    group: "Serving",
    doc: "TGIS's port. The same gRPC services answer there. 0 picks a free one.",
    aliases: [{ env: "GRPC_PORT" }],
  },
  tgis: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether to serve gRPC on --tgis-port, or on --port.",
  },
  httpPort: {
    kind: integer(0, 65_535),
    default: undefined,
    defaultText: "8080, unless --port is given",
    group: "Serving",
    doc: "Port of the HTTP APIs: Caikit REST, OpenAI, TGI, Open Inference. 0 picks a free one.",
    aliases: [{ env: "RUNTIME_HTTP_PORT" }],
  },
  http: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether to serve HTTP on --http-port, or on --port.",
    aliases: [{ env: "RUNTIME_HTTP_ENABLED" }],
  },
  healthPort: {
    kind: integer(0, 65_535),
    default: undefined,
    defaultText: "3000, unless --port is given",
    group: "Serving",
    doc: "Port of /health and /metrics, as TGIS has them; always plain HTTP. 0 picks a free one.",
  },
  health: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether to serve health and metrics on --health-port, or on --port.",
  },
  openaiModelCheck: {
    kind: toggle(),
    default: true,
    group: "Serving",
    doc: "Whether OpenAI requests must name the served model (404 otherwise), or may name any.",
  },
  maxConcurrentRequests: {
    kind: integer(1, 1_048_576),
    default: 512,
    group: "Serving",
    doc: "Requests that may run or wait; the next one is refused at once.",
    aliases: [{ env: "MAX_CONCURRENT_REQUESTS" }],
  },
  requestTimeoutSeconds: {
    kind: seconds(),
    default: 60,
    group: "Serving",
    doc: "Longest that one request may take, waiting included. 0: no limit.",
    aliases: [{ env: "TGIS_REQUEST_TIMEOUT" }],
  },
  shutdownDelaySeconds: {
    kind: seconds(),
    default: 0,
    group: "Serving",
    doc: "How long new requests are still answered after SIGTERM, while health says no: until balancers send no more. 5 on Kubernetes.",
  },
  shutdownGraceSeconds: {
    kind: seconds(),
    default: 45,
    group: "Serving",
    doc: "How long running requests may go on after that. Keep the sum of both below the pod's grace period.",
    aliases: [{ env: "RUNTIME_GRPC_SERVER_SHUTDOWN_GRACE_PERIOD_SECONDS" }],
  },
} as const satisfies OptionTable;
