import { status } from "@grpc/grpc-js";
import { noKeyText, type ApiKeys } from "../api-keys.js";
import { StatusError } from "../errors.js";
import type { Service } from "./service.js";

/** The service for those who show a key; it looks at nothing else of a call before. */
export function guardedBy(keys: ApiKeys, service: Service): Service {
  return {
    ...service,
    guard: (metadata) => {
      const [authorization] = metadata.get("authorization");
      if (!keys.permits(authorization?.toString())) throw new StatusError(status.UNAUTHENTICATED, noKeyText);
      service.guard?.(metadata);
    },
  };
}
