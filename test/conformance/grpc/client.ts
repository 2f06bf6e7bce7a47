import { Client, credentials, Metadata, status, type StatusObject } from "@grpc/grpc-js";

/** What came of a call. */
export interface GrpcAnswer {
  /** Name of the status code. */
  readonly code: string;
  readonly message: string;
  readonly responses: readonly Buffer[];
}

/** Sends bytes to `target` (host:port, plaintext) and takes bytes, whatever the method. */
export class GrpcClient {
  readonly #client: Client;

  constructor(target: string) {
    this.#client = new Client(target, credentials.createInsecure());
  }

  /** Resolves whatever the status. */
  async call(
    path: string,
    request: Uint8Array,
    metadata: readonly (readonly [name: string, value: string])[] = [],
  ): Promise<GrpcAnswer> {
    // A unary call is a stream of one message on the wire.
    const call = this.#client.makeServerStreamRequest(
      path,
      identity,
      identity,
      Buffer.from(request),
      toMetadata(metadata),
    );
    const responses: Buffer[] = [];
    call.on("data", (response: Buffer) => responses.push(response));
    call.on("error", () => undefined); // the status says the same
    return new Promise((resolve) => {
      call.on("status", ({ code, details }: StatusObject) => {
        resolve({ code: status[code], message: details, responses });
      });
    });
  }

  close(): void {
    this.#client.close();
  }
}

/** Values of names that end in `-bin` are sent as the bytes of their text. */
function toMetadata(pairs: readonly (readonly [name: string, value: string])[]): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of pairs) metadata.add(name, name.endsWith("-bin") ? Buffer.from(value) : value);
  return metadata;
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
