import { status } from "@grpc/grpc-js";
import type { Current } from "../current.js";
import { StatusError } from "../errors.js";

/** The module that a Caikit NLP runtime serves text generation with; dashboards and clients know it by this id. */
export const textGenerationModuleId = "f9181353-4ccf-4572-bd1e-f12bcda26792";

/** The packages of the original whose behaviour this server has; dashboards look for these names. */
export const runtimePackages = {
  caikit: "0.27.7",
  caikit_health_probe: "0.27.7",
  caikit_nlp: "0.5.13",
  caikit_tgis_backend: "0.1.38",
} as const;

/** The one model behind every id. */
export interface ServedModel {
  readonly id: string;
  /** The folder it was loaded from; clients require it to be non-empty. */
  readonly path: string;
  /** Reported as the model's size; clients leave out a 0. */
  readonly sizeBytes: number;
  /** Name and version in `producer_id` and in the models' metadata; the original's are `Text Generation`, `0.1.0`. */
  readonly producer: { readonly name: string; readonly version: string };
  /** `sha256:...` over the model's files; undefined until they were read. */
  readonly digest?: () => string | undefined;
}

/** What the model's files tell of themselves. The original has nothing there for models like this one. */
export function modelMetadata({ digest }: ServedModel): { readonly digest?: string } {
  const value = digest?.();
  return value === undefined ? {} : { digest: value };
}

/** Distinct ids that are remembered besides the served model's own; the one unused for longest is forgotten first. */
const maxRememberedIds = 1000;

/**
 * The ids under which the model is known. Any non-empty id works and is listed from then on, as with the original's
 * TGIS-AUTO finder. Ids are labels: they are never used as paths.
 */
export class KnownModels {
  readonly #usedIds = new Set<string>();

  /** @param current Its id is always the same. */
  constructor(private readonly current: Current<ServedModel>) {}

  get served(): ServedModel {
    return this.current();
  }

  /** @throws {StatusError} INVALID_ARGUMENT when the id is empty. */
  use(id: string): void {
    if (id === "") throw new StatusError(status.INVALID_ARGUMENT, "Missing required model ID");
    if (id === this.served.id) return;
    this.#usedIds.delete(id); // re-inserted below as the newest
    this.#usedIds.add(id);
    if (this.#usedIds.size > maxRememberedIds) this.#forgetOldest();
  }

  /** The served model's own id stays. */
  forget(id: string): void {
    this.#usedIds.delete(id);
  }

  has(id: string): boolean {
    return id === this.served.id || this.#usedIds.has(id);
  }

  ids(): string[] {
    return [this.served.id, ...this.#usedIds];
  }

  #forgetOldest(): void {
    for (const oldest of this.#usedIds) {
      this.#usedIds.delete(oldest);
      return;
    }
  }
}
