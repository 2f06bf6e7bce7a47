import { experimental, ServerCredentials } from "@grpc/grpc-js";
import type { TlsCertificates, TlsMaterial } from "../tls.js";

/**
 * What a gRPC port proves itself with; without `tls` the port is plain. New certificates hold from the next connection
 * on, and with a client CA connections without a certificate of its are dropped.
 */
export function serverCredentials(tls: TlsCertificates | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const provider = new Provider(tls);
  const areClientsVerified = tls.material.clientCa !== undefined;
  return experimental.createCertificateProviderServerCredentials(
    provider,
    areClientsVerified ? provider : null,
    areClientsVerified,
  );
}

/** Tells grpc-js of the certificates, in its own terms: once when it begins to listen, then at every change. */
class Provider implements experimental.CertificateProvider {
  readonly #tls: TlsCertificates;
  readonly #stops = new Map<unknown, () => void>();

  constructor(tls: TlsCertificates) {
    this.#tls = tls;
  }

  addCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#add(listener, ({ clientCa }) => listener(clientCa === undefined ? null : { caCertificate: clientCa }));
  }

  removeCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#remove(listener);
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#add(listener, ({ cert, key }) => listener({ certificate: cert, privateKey: key }));
  }

  removeIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#remove(listener);
  }

  #add(listener: unknown, tell: (material: TlsMaterial) => void): void {
    this.#stops.set(listener, this.#tls.onChange(tell));
    process.nextTick(() => tell(this.#tls.material)); // grpc-js passes on only what it is told after this call
  }

  #remove(listener: unknown): void {
    this.#stops.get(listener)?.();
    this.#stops.delete(listener);
  }
}
