import type { Settings } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import { InternalError } from "../../errors.js";

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Puts `wrap` around a private method of a grpc-js server, where grpc-js offers no hook.
 * @throws {InternalError} when this version of grpc-js has no such method: the start fails, and says so.
 */
export function wrapPrivateMethod(server: Server, name: string, wrap: (original: AnyFunction) => AnyFunction): void {
  const method: unknown = Reflect.get(server, name);
  if (typeof method !== "function") throw new InternalError(`this version of grpc-js has no ${name}`);
  Reflect.set(
    server,
    name,
    wrap((...args) => Reflect.apply(method, server, args)),
  );
}

/**
 * Sets what the server tells HTTP/2 clients that it accepts. To be called before connections are.
 * @throws {InternalError} when this version of grpc-js has no such options.
 */
export function setHttp2Settings(server: Server, settings: Settings): void {
  const options: unknown = Reflect.get(server, "commonServerOptions");
  if (typeof options !== "object" || options === null) {
    throw new InternalError("this version of grpc-js has no commonServerOptions");
  }
  Reflect.set(options, "settings", settings);
}
