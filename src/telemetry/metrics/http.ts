import type { CallEndEvent, CallEvent } from "../call-events.js";
import type { Families } from "./families.js";
import { own } from "./own-definitions.js";

/** A request whose path no route has. Its own path is the client's word, of which there is no end. */
const noRoute = "none";

/** Counts HTTP requests by route; gRPC calls have Caikit's `grpc_server_*`. */
export function httpObserver(families: Families) {
  return {
    callEnded: ({ http }: CallEvent, { httpStatus, durationMs }: CallEndEvent) => {
      if (http === undefined) return;
      const labels = { method: http.method, route: http.route ?? noRoute };
      families.count(own.httpRequests, 1, { ...labels, status: String(httpStatus) });
      families.observe(own.httpDuration, durationMs / 1000, labels);
    },
  };
}
