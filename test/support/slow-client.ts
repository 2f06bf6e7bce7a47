import { once } from "node:events";
import { connect, type IncomingHttpHeaders } from "node:http2";

/** A call whose client takes 100 bytes and then nothing, until it is asked to read. */
export interface SlowCall {
  /** Reads to the end. */
  read(): Promise<{ readonly code: number; readonly messages: readonly Buffer[] }>;
}

/** Starts a call that is not read. grpc-js always reads ahead, so this speaks HTTP/2 itself. */
export function startSlowly(port: number, method: string, request: Uint8Array = new Uint8Array()): SlowCall {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 100 } });
  const headers = { ":method": "POST", ":path": method, "content-type": "application/grpc", "mm-model-id": "m" };
  const call = session.request(headers);
  call.end(framed(request));
  const ended = once(call, "trailers") as Promise<[IncomingHttpHeaders]>;
  return {
    read: async () => {
      const chunks = (await call.toArray()) as Buffer[];
      const [trailers] = await ended;
      session.close();
      return { code: Number(trailers["grpc-status"]), messages: unframed(Buffer.concat(chunks)) };
    },
  };
}

/** A message as gRPC sends it: not compressed, behind its length. */
function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function unframed(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = start + 5 + bytes.readUInt32BE(start + 1);
    messages.push(bytes.subarray(start + 5, end));
    start = end;
  }
  return messages;
}
