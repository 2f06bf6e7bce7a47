/** What one client may cost. */
import { bytes, decimal, integer, positiveSeconds, seconds } from "../kinds.js";
import type { OptionTable } from "../options.js";

export const limitsSettings = {
  maxConnections: {
    kind: integer(1, 1_048_576),
    default: 16_384,
    group: "Limits",
    doc: "Connections that may be open, over all ports; the next one is dropped. Each may cost tens of KB.",
  },
  maxStreamsPerConnection: {
    kind: integer(1, 2_147_483_647),
    default: 4096,
    group: "Limits",
    doc: "Calls that one HTTP/2 connection may have open; clients wait with the next. Above --max-concurrent-requests, a proxy that uses one connection is told of the load instead.",
  },
  maxHeaderBytes: {
    kind: integer(1024, 16_777_215),
    default: 65_535,
    group: "Limits",
    doc: "Largest headers or metadata of one request. Larger: 431 over HTTP/1.1, a reset stream over HTTP/2.",
  },
  maxBodyBytes: {
    kind: bytes(),
    default: 4_194_304,
    group: "Limits",
    doc: "Largest body of an HTTP request, e.g. 4Mi. Larger: 413.",
  },
  maxGrpcMessageBytes: {
    kind: bytes(),
    default: 4_194_304,
    group: "Limits",
    doc: "Largest gRPC message that is received, e.g. 4Mi. Larger: RESOURCE_EXHAUSTED. Clients have a limit of their own for answers.",
  },
  maxPromptCharacters: {
    kind: integer(1, 1_073_741_824),
    default: 1_000_000,
    group: "Limits",
    doc: "Longest prompt that is tokenized, in UTF-16 code units. Tokenizing 1,000 takes about 1 ms, during which nobody else is served: lower it where clients are not trusted.",
  },
  receiveTimeoutSeconds: {
    kind: positiveSeconds(),
    default: 60,
    group: "Limits",
    doc: "Longest that a client may take for the TLS handshake, for the headers and for the whole of its request. Slower ones are dropped.",
  },
  sendTimeoutSeconds: {
    kind: positiveSeconds(),
    default: 300,
    group: "Limits",
    doc: "Longest that a client may read nothing while an answer waits for it. Slower ones are dropped.",
  },
  httpKeepaliveSeconds: {
    kind: positiveSeconds(),
    default: 72,
    group: "Limits",
    doc: "Longest that an HTTP/1.1 connection may be idle. Keep it above that of the balancer in front.",
  },
  grpcKeepaliveSeconds: {
    kind: positiveSeconds(),
    default: 60,
    group: "Limits",
    doc: "How often a ping asks an HTTP/2 client whether it is still there.",
  },
  grpcKeepaliveTimeoutSeconds: {
    kind: positiveSeconds(),
    default: 20,
    group: "Limits",
    doc: "Longest that the answer to that ping may take; the connection is dropped then, and its slots are free.",
  },
  maxConnectionAgeSeconds: {
    kind: decimal(0, 1_000_000, "SECONDS"),
    default: 0,
    group: "Limits",
    doc: "Age at which an HTTP/2 connection takes no more calls, give or take 10%, so that clients spread over new pods. 0: no limit.",
  },
  maxConnectionAgeGraceSeconds: {
    kind: seconds(),
    default: 0,
    group: "Limits",
    doc: "How long calls of a connection that is too old may go on. 0: until they end.",
  },
} as const satisfies OptionTable;
