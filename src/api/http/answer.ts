import type { FastifyReply } from "fastify";

/**
 * Answers with JSON text as it is. Its content type is exactly `application/json`, which clients of the contract compare
 * as a whole; fastify would add a charset to text.
 */
export function sendJson(reply: FastifyReply, status: number, json: string): FastifyReply {
  return reply.code(status).header("content-type", "application/json").send(Buffer.from(json));
}
