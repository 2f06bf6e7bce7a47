import { fromBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import {
  Client,
  credentials,
  Metadata,
  status,
  type ChannelCredentials,
  type ClientReadableStream,
  type ServiceError,
} from "@grpc/grpc-js";
import { TargetError, timeoutCode, type TargetOptions } from "./target.js";

/** A gRPC channel that is not shared with other clients of this process. */
export class GrpcConnection {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor({ address, tls, apiKey, modelId }: TargetOptions) {
    this.#client = new Client(address, credentialsOf(tls), { "grpc.use_local_subchannel_pool": 1 });
    this.#metadata.set("mm-model-id", modelId);
    if (apiKey !== undefined) this.#metadata.set("authorization", `Bearer ${apiKey}`);
  }

  /** @throws {TargetError} with the name of the call's status. */
  async stream<S extends DescMessage>(
    method: string,
    request: Uint8Array,
    answer: S,
    onMessage: (message: MessageShape<S>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const decode = (bytes: Buffer): MessageShape<S> => fromBinary(answer, bytes);
    const identity = (bytes: Buffer): Buffer => bytes;
    const call = this.#client.makeServerStreamRequest(method, identity, decode, Buffer.from(request), this.#metadata);
    const cancel = (): void => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      await readToEnd(call, onMessage, signal);
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  close(): void {
    this.#client.close();
  }
}

async function readToEnd<T>(
  call: ClientReadableStream<T>,
  onMessage: (message: T) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    call.on("data", onMessage);
    call.on("end", resolve);
    call.on("error", ({ code, details }: ServiceError) => {
      const name = Object.hasOwn(status, code) ? status[code] : String(code); // servers may make up codes
      const error = new TargetError(signal.aborted ? timeoutCode : name, details);
      reject(error);
    });
  });
}

function credentialsOf(tls: TargetOptions["tls"]): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const [ca, key, cert] = [tls.ca, tls.key, tls.cert].map((pem) => (pem === undefined ? null : Buffer.from(pem)));
  return credentials.createSsl(ca, key, cert, { rejectUnauthorized: !tls.isInsecure });
}
