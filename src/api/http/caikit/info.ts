/** `/info`: what runs here, and which models are known. Without spaces, unlike the tasks' results. */
import { status } from "@grpc/grpc-js";
import type { FastifyInstance } from "fastify";
import { modelMetadata, runtimePackages, textGenerationModuleId, type KnownModels } from "../../caikit/models.js";
import { StatusError } from "../../errors.js";
import { sendJson } from "../answer.js";
import { addRoute } from "./route.js";

export function addInfoRoutes(app: FastifyInstance, models: KnownModels, runtimeVersion: string): void {
  const version = JSON.stringify({ runtime_version: runtimeVersion, python_packages: runtimePackages });
  addRoute(app, "GET", "/info/version", (_request, reply) => sendJson(reply, 200, version));
  addRoute(app, "GET", "/info/models", (request, reply) => {
    const asked = askedIds(request.query);
    const listed = (asked.length > 0 ? asked : models.ids()).map((id) => modelInfo(models, id));
    return sendJson(reply, 200, JSON.stringify({ models: listed }));
  });
}

/** `model_ids` may come several times. */
function askedIds(query: unknown): string[] {
  const { model_ids: ids } = query as { readonly model_ids?: string | string[] }; // fastify's parser of query strings
  if (ids === undefined) return [];
  return typeof ids === "string" ? [ids] : ids;
}

/** @throws {StatusError} NOT_FOUND for an id that no request has used. */
function modelInfo(models: KnownModels, id: string): object {
  if (!models.has(id)) throw new StatusError(status.NOT_FOUND, `Model ${id} is not loaded`);
  const { path, sizeBytes, producer } = models.served;
  return {
    model_path: path,
    name: id,
    size: sizeBytes,
    metadata: modelMetadata(models.served),
    loaded: true,
    module_id: textGenerationModuleId,
    module_metadata: { name: producer.name, version: producer.version },
  };
}
