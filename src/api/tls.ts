/** What the ports prove themselves with: read from the settings, checked, and read again when the files change. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { ConfigurationError } from "../errors.js";
import type { Logger } from "./log.js";

/** Each a file's path or the PEM text itself; empty when it is not wanted. */
export interface TlsSettings {
  /** The server's certificate, with the chain behind it. */
  readonly tlsCert: string;
  readonly tlsKey: string;
  /** Clients must show a certificate that one of these authorities signed. */
  readonly tlsClientCa: string;
}

/** Certificates and key in PEM; they belong together and OpenSSL takes them. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly clientCa: Buffer | undefined;
}

/** What a server's connections are encrypted with. */
export function contextOf({ cert, key, clientCa }: TlsMaterial): SecureContextOptions {
  return { cert, key, minVersion: "TLSv1.2", ...(clientCa !== undefined && { ca: clientCa }) };
}

type Listener = (material: TlsMaterial) => void;

/** How soon a change of the files is seen: well within the time for which old and new certificates both hold. */
const defaultCheckEveryMs = 5_000;

/**
 * @returns undefined when no certificate is set: the ports are plain.
 * @throws {ConfigurationError} when a part is missing, cannot be read, or does not belong to the others.
 */
export function openTls(
  settings: TlsSettings,
  log: Logger,
  checkEveryMs = defaultCheckEveryMs,
): TlsCertificates | undefined {
  const { tlsCert, tlsKey, tlsClientCa } = settings;
  if (tlsCert === "" && tlsKey === "") {
    if (tlsClientCa !== "") throw new ConfigurationError("--tls-client-ca needs --tls-cert and --tls-key");
    return undefined;
  }
  if (tlsCert === "") throw new ConfigurationError("--tls-key needs --tls-cert");
  if (tlsKey === "") throw new ConfigurationError("--tls-cert needs --tls-key");
  return new TlsCertificates(settings, log, checkEveryMs);
}

/**
 * Holds the newest material that works. Files are compared by content and not watched: Kubernetes renews a mounted
 * Secret by turning a symbolic link two folders up, which a watch of the file does not see.
 */
export class TlsCertificates {
  readonly #settings: TlsSettings;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  readonly #listeners = new Set<Listener>();
  #material: TlsMaterial;
  /** Why the files as they are now cannot be used; said once. */
  #complaint: string | undefined;

  /** @throws {ConfigurationError} when the material cannot be used. */
  constructor(settings: TlsSettings, log: Logger, checkEveryMs: number) {
    this.#settings = settings;
    this.#log = log;
    this.#material = readMaterial(settings);
    log.info("TLS", describe(this.#material));
    this.#timer = setInterval(() => this.#check(), checkEveryMs).unref();
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  /** Calls `listener` with what is to be used from then on, until the returned function is called. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Looks at the files no more. */
  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  /** Files that cannot be used change nothing: they may be half written, and the old certificate still serves. */
  #check(): void {
    try {
      const material = readMaterial(this.#settings);
      this.#complaint = undefined;
      if (isSame(material, this.#material)) return;
      this.#material = material;
      this.#log.info("TLS certificate renewed", describe(material));
      for (const listener of this.#listeners) listener(material);
    } catch (error) {
      const complaint = String(error);
      if (complaint !== this.#complaint)
        this.#log.error("the TLS files cannot be used; the former ones stay", { error });
      this.#complaint = complaint;
    }
  }
}

function isSame(a: TlsMaterial, b: TlsMaterial): boolean {
  return a.cert.equals(b.cert) && a.key.equals(b.key) && String(a.clientCa) === String(b.clientCa);
}

function describe({ cert, clientCa }: TlsMaterial): Readonly<Record<string, unknown>> {
  const { subject, validTo, fingerprint256 } = new X509Certificate(cert);
  return { subject, validTo, fingerprint256, areClientsVerified: clientCa !== undefined };
}

/** A part of the material, and how messages name it: by its path, and never by its text, which may be the key. */
interface Part {
  readonly name: string;
  readonly pem: Buffer;
}

/** The files are small, and a Secret is mounted in memory: reading them at once holds nobody up. */
function readMaterial({ tlsCert, tlsKey, tlsClientCa }: TlsSettings): TlsMaterial {
  const cert = readPart("certificate", tlsCert);
  const key = readPart("key", tlsKey);
  const clientCa = tlsClientCa === "" ? undefined : readPart("client CA", tlsClientCa);
  const certificate = use(cert, (pem) => new X509Certificate(pem));
  const privateKey = use(key, (pem) => createPrivateKey(pem));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigurationError(`${key.name} does not belong to ${cert.name}`);
  }
  if (clientCa !== undefined) {
    use(clientCa, (pem) => new X509Certificate(pem));
    use(clientCa, (ca) => createSecureContext({ ca }));
  }
  // Rules that only OpenSSL knows, such as the least length of a key, and the rest of the chain.
  use(cert, () => createSecureContext({ cert: cert.pem, key: key.pem }));
  return { cert: cert.pem, key: key.pem, clientCa: clientCa?.pem };
}

/** @throws {ConfigurationError} when the file cannot be read. */
function readPart(what: string, pathOrText: string): Part {
  if (pathOrText.includes("-----BEGIN ")) {
    return { name: `the TLS ${what} (given as text)`, pem: Buffer.from(pathOrText) };
  }
  const name = `the TLS ${what} ${pathOrText}`;
  return use({ name, pem: Buffer.alloc(0) }, () => ({ name, pem: readFileSync(pathOrText) }));
}

/** Whatever `read` throws becomes an error that names the part. */
function use<T>({ name, pem }: Part, read: (pem: Buffer) => T): T {
  try {
    return read(pem);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`${name} cannot be used: ${why}`, { cause });
  }
}
