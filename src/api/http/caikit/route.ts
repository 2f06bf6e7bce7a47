import type { FastifyInstance, FastifyRequest, HTTPMethods, RouteHandlerMethod } from "fastify";
import { sendJson } from "../answer.js";

const methods: readonly HTTPMethods[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

/**
 * Adds a route with the manners of the original's web framework: other methods are answered 405, and a slash behind the
 * path sends the client to the path without it.
 */
export function addRoute(
  app: FastifyInstance,
  method: "GET" | "POST",
  path: string,
  handler: RouteHandlerMethod,
): void {
  app.route({ method, url: path, handler });
  app.route({
    method: methods.filter((other) => other !== method),
    url: path,
    handler: (_request, reply) => sendJson(reply.header("allow", method), 405, `{"detail":"Method Not Allowed"}`),
  });
  app.route({
    method: [...methods],
    url: `${path}/`,
    handler: (request, reply) =>
      reply
        .code(307)
        .header("location", `${origin(request)}${path}${query(request)}`)
        .send(),
  });
}

/** Empty for a client of HTTP/1.0 that does not name the host. */
function origin({ headers: { host } }: FastifyRequest): string {
  return host === undefined ? "" : `http://${host}`;
}

function query({ url }: FastifyRequest): string {
  const start = url.indexOf("?");
  return start === -1 ? "" : url.slice(start);
}
