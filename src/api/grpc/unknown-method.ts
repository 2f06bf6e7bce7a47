import { status, type Server, type ServerDuplexStream } from "@grpc/grpc-js";
import { InternalError } from "../../errors.js";

/** No client can mean this path: a method's path has a slash in front. */
const fallbackPath = "unknown method";

/**
 * Answers methods that the server does not have with UNIMPLEMENTED `Method not found!`, the text of the original.
 *
 * grpc-js has its own text and offers no hook: interceptors run only for methods it knows. So its lookup by path, a
 * private method, is wrapped to fall back to a handler that is registered like any other. Should another version name
 * the lookup differently, the start fails here and says so.
 */
export function answerUnknownMethods(server: Server): void {
  const lookup: unknown = Reflect.get(server, "_retrieveHandler");
  if (typeof lookup !== "function") throw new InternalError("this version of grpc-js has no _retrieveHandler");
  const find = (path: string): unknown => Reflect.apply(lookup, server, [path]);
  server.register(fallbackPath, refuse, identity, identity, "bidi");
  Reflect.set(server, "_retrieveHandler", (path: string) => find(path) ?? find(fallbackPath));
}

function refuse(call: ServerDuplexStream<Buffer, Buffer>): void {
  call.emit("error", { code: status.UNIMPLEMENTED, details: "Method not found!" });
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
