/** What a pickle may hold, besides `null`, booleans, numbers and strings. Tuples cannot be changed once made. */
export class PickleTuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** A `dict` or an `OrderedDict`; attributes set on it (a state dict's `_metadata`) are not kept. */
export class PickleDict {
  readonly entries = new Map<string, unknown>();
}

/** A Python class or function that a pickle may name. Without `call` it is only a name. */
export class PickleGlobal {
  constructor(
    readonly name: string,
    readonly call?: (args: readonly unknown[]) => unknown,
  ) {}
}

/** All that a pickle can reach outside itself. */
export interface PickleScope {
  /** By full name, e.g. `collections.OrderedDict`. Every other name is refused when it is read. */
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /** The object that a persistent id stands for. */
  persistentLoad(id: unknown): unknown;
}

/** Says in an error message what a value is, without printing what is in it. */
export function describe(value: unknown): string {
  if (value instanceof PickleTuple) return `a tuple of ${value.items.length}`;
  if (value instanceof PickleDict) return "a dictionary";
  if (value instanceof PickleGlobal) return `the name ${value.name}`;
  if (value === null) return "None";
  if (value === undefined) return "nothing";
  if (typeof value === "number") return `the number ${value}`;
  return typeof value === "object" ? "a tensor or storage" : `a ${typeof value}`;
}
