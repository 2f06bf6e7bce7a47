import type { Binding } from "../../ort/index.js";

/** A binding and the tensors that were made for it. */
export interface Bound {
  readonly binding: Binding;
  readonly tensors: readonly Disposable[];
}

/** Bindings by what they are for, each made on first use; beyond `limit`, the one unused for longest is given up. */
export class BindingCache implements Disposable {
  /** The most recently used is the last. */
  readonly #bounds = new Map<string, Bound>();

  constructor(private readonly limit: number) {}

  get(key: string, make: () => Bound): Bound {
    const bound = this.#bounds.get(key) ?? make();
    this.#bounds.delete(key);
    this.#bounds.set(key, bound);
    if (this.#bounds.size > this.limit) this.#dropOldest();
    return bound;
  }

  #dropOldest(): void {
    const [oldest] = this.#bounds;
    if (oldest === undefined) return;
    this.#bounds.delete(oldest[0]);
    dispose(oldest[1]);
  }

  [Symbol.dispose](): void {
    for (const bound of this.#bounds.values()) dispose(bound);
    this.#bounds.clear();
  }
}

function dispose({ binding, tensors }: Bound): void {
  binding.dispose();
  for (const tensor of tensors) tensor[Symbol.dispose]();
}
