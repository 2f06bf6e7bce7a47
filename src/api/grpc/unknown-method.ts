import { status, type Server, type ServerDuplexStream } from "@grpc/grpc-js";
import { wrapPrivateMethod } from "./grpc-js-private.js";

/** No client can mean this path: a method's path has a slash in front. */
const fallbackPath = "unknown method";

/**
 * Answers methods that the server does not have with UNIMPLEMENTED `Method not found!`, the text of the original.
 *
 * grpc-js has its own text, and interceptors run only for methods it knows. So its lookup by path falls back to a
 * handler that is registered like any other.
 */
export function answerUnknownMethods(server: Server): void {
  server.register(fallbackPath, refuse, identity, identity, "bidi");
  wrapPrivateMethod(server, "_retrieveHandler", (find) => (path) => find(path) ?? find(fallbackPath));
}

function refuse(call: ServerDuplexStream<Buffer, Buffer>): void {
  call.emit("error", { code: status.UNIMPLEMENTED, details: "Method not found!" });
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
