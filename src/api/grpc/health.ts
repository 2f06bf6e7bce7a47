import { EventEmitter, on, once } from "node:events";
import { status } from "@grpc/grpc-js";
import { StatusError } from "../errors.js";
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "./generated/grpc/health/v1/health_pb.js";
import { implement, type Service } from "./service.js";

/** Whether the server as a whole takes requests; changes reach everyone who watches. */
export class ServingState {
  readonly #changes = new EventEmitter<{ change: [isServing: boolean] }>().setMaxListeners(0);
  #isServing = true;

  get isServing(): boolean {
    return this.#isServing;
  }

  set(isServing: boolean): void {
    if (isServing === this.#isServing) return;
    this.#isServing = isServing;
    this.#changes.emit("change", isServing);
  }

  /** The state now, then each change. Throws when `signal` is aborted. */
  async *watch(signal: AbortSignal): AsyncIterable<boolean> {
    const changes = on(this.#changes, "change", { signal }); // before the first yield, so that no change is missed
    yield this.#isServing;
    for await (const [isServing] of changes) yield isServing === true;
  }
}

/**
 * grpc.health.v1: the server as a whole has a state, under the empty name and those of `named`; any other service is
 * NOT_FOUND, with an empty text, and watching it says SERVICE_UNKNOWN once and stays open. Caikit's services have no
 * name here, as in the original; TGIS's has one, by which its health client asks.
 */
export function healthService(state: ServingState, named: readonly Service[]): Service {
  const names = new Set(["", ...named.map(({ descriptor }) => descriptor.typeName)]);
  return implement(
    Health,
    {
      check: ({ service }) => {
        if (!names.has(service)) throw new StatusError(status.NOT_FOUND, "");
        return { status: statusOf(state.isServing) };
      },
      watch: async function* ({ service }, { signal }) {
        if (names.has(service)) {
          for await (const isServing of state.watch(signal)) yield { status: statusOf(isServing) };
        } else {
          yield { status: ServingStatus.SERVICE_UNKNOWN };
          await once(signal, "abort");
        }
      },
    },
    { servesWhileDraining: true },
  );
}

function statusOf(isServing: boolean): ServingStatus {
  return isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
}
