/** Who may call, and how. */
import { text } from "../kinds.js";
import type { OptionTable } from "../options.js";

export const securitySettings = {
  tlsCert: {
    kind: text("PATH"),
    default: "",
    defaultText: "none: the ports are plain",
    group: "Security",
    doc: "Certificate of the gRPC and HTTP ports, with its chain: a PEM file or the PEM text itself. Needs --tls-key.",
    aliases: [{ flag: "tls-cert-path", env: "TLS_CERT_PATH" }, { env: "RUNTIME_TLS_SERVER_CERT" }],
  },
  tlsKey: {
    kind: text("PATH"),
    default: "",
    defaultText: "none",
    group: "Security",
    doc: "Private key of --tls-cert, not encrypted: a PEM file or the PEM text itself.",
    aliases: [{ flag: "tls-key-path", env: "TLS_KEY_PATH" }, { env: "RUNTIME_TLS_SERVER_KEY" }],
    isSecret: true, // it may be the key itself
  },
  tlsClientCa: {
    kind: text("PATH"),
    default: "",
    defaultText: "none: clients need no certificate",
    group: "Security",
    doc: "Authorities whose certificates clients must show (mutual TLS): a PEM file or the PEM text itself.",
    aliases: [{ flag: "tls-client-ca-cert-path", env: "TLS_CLIENT_CA_CERT_PATH" }, { env: "RUNTIME_TLS_CLIENT_CERT" }],
  },
  apiKeysFile: {
    kind: text("FILE"),
    default: "",
    defaultText: "none: everyone may call",
    group: "Security",
    doc: "Keys of which gRPC and HTTP clients must send one (`authorization: Bearer KEY`), one a line. Health needs none.",
  },
} as const satisfies OptionTable;
