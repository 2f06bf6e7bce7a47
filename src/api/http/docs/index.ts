/** What the HTTP APIs are: `/openapi.json` for programs, `/docs` for people. Made and read when somebody asks. */
import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { sendJson } from "../answer.js";
import type { HttpApi } from "../api.js";
import { addRoute } from "../caikit/route.js";
import type { DocumentOptions } from "./document.js";
import { contentSecurityPolicy, html, initializer } from "./page.js";
import { readSwaggerUi, swaggerUiFiles } from "./swagger-ui.js";

export type { DocumentOptions } from "./document.js";

/** For everyone, also where other routes want an API key: a browser that opens the page has none to show. */
export const docsRoutes: readonly string[] = [
  "/openapi.json",
  ...["/docs", "/docs/", "/docs/initializer.js"],
  ...swaggerUiFiles.map((file) => `/docs/${file}`),
];

export function docsApi(options: DocumentOptions): HttpApi {
  return (app) => {
    addRoute(app, "GET", "/openapi.json", async (_request, reply) => {
      const { openApiJson } = await import("./document.js");
      return sendJson(reply, 200, openApiJson(options));
    });
    app.get("/docs", (request, reply) => {
      void reply.header("content-security-policy", contentSecurityPolicy).header("referrer-policy", "no-referrer");
      return sendCacheable(request, reply, "text/html; charset=utf-8", html);
    });
    app.get("/docs/", (_request, reply) => reply.code(307).header("location", "../docs").send());
    app.get("/docs/initializer.js", (request, reply) =>
      sendCacheable(request, reply, "text/javascript; charset=utf-8", initializer),
    );
    for (const file of swaggerUiFiles) {
      app.get(`/docs/${file}`, async (request, reply) => {
        const { type, content } = await readSwaggerUi(file);
        return sendCacheable(request, reply, type, content);
      });
    }
  };
}

/** Browsers keep it and ask whether it has changed: another version of the server may have another page. */
function sendCacheable(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  type: string,
  content: string | Buffer,
): FastifyReply {
  const tag = `"${createHash("sha256").update(content).digest("base64url")}"`;
  void reply.header("cache-control", "no-cache").header("etag", tag).header("x-content-type-options", "nosniff");
  if (headers["if-none-match"] === tag) return reply.code(304).send();
  return reply.header("content-type", type).send(Buffer.from(content));
}
