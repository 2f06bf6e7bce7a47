import type { Metadata } from "@grpc/grpc-js";

/**
 * The model's id from metadata `mm-model-id`; sent twice, the last value counts. Empty when there is none.
 *
 * Node joins values of one name with `, `, so an id with that in it counts from there on. Ids are labels only.
 */
export function modelIdOf(metadata: Metadata): string {
  return metadata.get("mm-model-id").join(", ").split(", ").at(-1) ?? "";
}
