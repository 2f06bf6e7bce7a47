/** What Node's codes for broken connections mean to an operator. */

export interface NetworkFailure {
  /** Completes the sentence "HOST ...". */
  readonly text: string;
  readonly isTransient: boolean;
  /** As of `RemoteError`. */
  readonly isOutage?: boolean;
}

const lost = { text: "broke the connection off", isTransient: true };
const unreachable = { text: "cannot be reached", isTransient: true };
const slow = { text: "does not answer in time", isTransient: true };
const noHttp = { text: "does not speak HTTP on that port", isTransient: false };
const noTls = { text: "does not speak TLS on that port; if it is plain HTTP, say http://", isTransient: false };

const failures: Readonly<Record<string, NetworkFailure>> = {
  ECONNREFUSED: { text: "refuses connections: nothing listens on that port, or not yet", isTransient: true },
  // A wrong name is not asked for again; but a DNS that has lost its records, or that of another network, says the same.
  ENOTFOUND: { text: "is no host that the DNS knows", isTransient: false, isOutage: true },
  EAI_AGAIN: { text: "cannot be looked up: the DNS does not answer", isTransient: true },
  ECONNRESET: lost,
  ECONNABORTED: lost,
  EPIPE: lost,
  ERR_STREAM_PREMATURE_CLOSE: lost,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ETIMEDOUT: slow,
  TimeoutError: slow,
  EPROTO: noTls,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  HPE_INVALID_CONSTANT: noHttp,
  HPE_INVALID_VERSION: noHttp,
};

const unknownAuthority = "has a certificate of an authority that is not trusted";
const certificates: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "has a self-signed certificate",
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  CERT_SIGNATURE_FAILURE: unknownAuthority,
  CERT_HAS_EXPIRED: "has a certificate that has expired",
  CERT_NOT_YET_VALID: "has a certificate that is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "has a certificate for other host names",
};

/**
 * @param certificateHelp What to set when the server's certificate is not trusted.
 * @returns Undefined when the error is not about the connection.
 */
export function describeNetworkFailure(error: unknown, certificateHelp: string): NetworkFailure | undefined {
  for (const code of codesOf(error)) {
    const certificate = certificates[code];
    if (certificate !== undefined) return { text: `${certificate}; ${certificateHelp}`, isTransient: false };
    const failure = failures[code];
    if (failure !== undefined) return failure;
  }
  return undefined;
}

/** The error's code and name and those of its causes; Node wraps one error for each address of a host into another. */
function codesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const code = "code" in error && typeof error.code === "string" ? [error.code] : [];
  const inner = error instanceof AggregateError ? (error.errors as unknown[]) : [error.cause];
  return [...code, error.name, ...inner.flatMap(codesOf)];
}
