/**
 * Kinds of values that an option can have: how a text becomes one, and the rule that a text must keep.
 * Flags, environment and file all pass through these, so a value means the same wherever it was given.
 */
export interface ValueKind<T> {
  /** Completes the sentence "must be ...". */
  readonly rule: string;
  /** Stands for the value in the help, e.g. `N`; undefined for a switch, whose flag alone means true. */
  readonly placeholder: string | undefined;
  /**
   * The value of an option that was given with `texts`, at least one, in their order on the command line.
   * Undefined when a text breaks the rule. All kinds but `listOf` count the last text only: KServe joins the
   * argument lists of a ServingRuntime and an InferenceService, and the later one is meant to win.
   */
  readonly read: (texts: readonly string[]) => T | undefined;
}

function single<T>(
  placeholder: string | undefined,
  rule: string,
  parse: (text: string) => T | undefined,
): ValueKind<T> {
  return { placeholder, rule, read: (texts) => parse(texts.at(-1) ?? "") };
}

/** A whole number in [minimum, maximum]. */
export function integer(minimum: number, maximum: number): ValueKind<number> {
  return single("N", `an integer from ${minimum} to ${maximum}`, (text) => {
    const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : NaN;
    return value >= minimum && value <= maximum ? value : undefined;
  });
}

/** A whole number of up to 64 bits, unsigned. */
export function unsigned64(): ValueKind<bigint> {
  return single("N", "an integer from 0 to 18446744073709551615", (text) => {
    const value = /^\d+$/.test(text.trim()) ? BigInt(text) : -1n;
    return value >= 0n && value < 1n << 64n ? value : undefined;
  });
}

/** A decimal number in [minimum, maximum]. */
export function decimal(minimum: number, maximum: number, placeholder = "X"): ValueKind<number> {
  const rule = Number.isFinite(minimum + maximum) ? `a number from ${minimum} to ${maximum}` : "a number";
  return single(placeholder, rule, (text) => {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : NaN;
    return value >= minimum && value <= maximum ? value : undefined;
  });
}

/** Seconds, up to what a Node timer can wait (2^31 - 1 ms). */
export function seconds(): ValueKind<number> {
  return decimal(0, 2_147_483, "SECONDS");
}

/** Seconds for which there is no "none", from a millisecond on. */
export function positiveSeconds(): ValueKind<number> {
  return decimal(0.001, 2_147_483, "SECONDS");
}

/** `true` or `false` in any case, or 1 or 0. */
export function toggle(): ValueKind<boolean> {
  const words = new Map([
    ["true", true],
    ["1", true],
    ["false", false],
    ["0", false],
  ]);
  return single(undefined, "true or false", (text) => words.get(text.trim().toLowerCase()));
}

/** Any text, as it is. */
export function text(placeholder: string): ValueKind<string> {
  return single(placeholder, "text", (value) => value);
}

/** One of `choices`, in any case; `synonyms` are other products' words for them. */
export function oneOf<const T extends string>(
  choices: readonly T[],
  synonyms: Readonly<Record<string, T>> = {},
): ValueKind<T> {
  const words = new Map<string, T>([
    ...choices.map((choice) => [choice, choice] as const),
    ...Object.entries(synonyms),
  ]);
  return single(choices.join("|"), `one of ${choices.join(", ")}`, (value) => words.get(value.trim().toLowerCase()));
}

/** Where to compute: `cpu`, `cuda` (the first device), `cuda:N`, or `auto`; in any case. */
export function device(): ValueKind<string> {
  return single("cpu|cuda|cuda:N|auto", "cpu, cuda, cuda:N or auto", (value) => {
    const word = value.trim().toLowerCase();
    return /^(cpu|cuda|cuda:\d{1,3}|auto)$/.test(word) ? word : undefined;
  });
}

/** A SHA-256 as `sha256:` and its digits, in any case; empty for none. */
export function sha256(): ValueKind<string> {
  return single("sha256:HEX", "sha256: and 64 hexadecimal digits", (value) => {
    const digest = value.trim().toLowerCase();
    return /^(sha256:[0-9a-f]{64})?$/.test(digest) ? digest : undefined;
  });
}

const byteUnits = ["", "k", "m", "g", "t"];

/** A number of bytes, with the units of Kubernetes: `512Mi` and `2Gi` count in 1024s, `500M` and `2G` in 1000s. */
export function bytes(): ValueKind<number> {
  return single("BYTES", "a number of bytes such as 1073741824, 1Gi or 500M", (value) => {
    const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?$/i.exec(value.trim());
    if (match === null) return undefined;
    const [, amount = "", unit = "", binary = ""] = match;
    if (unit === "" && binary !== "") return undefined;
    const count = Math.round(Number(amount) * (binary === "" ? 1000 : 1024) ** byteUnits.indexOf(unit.toLowerCase()));
    return Number.isSafeInteger(count) ? count : undefined;
  });
}

/** Every text that was given, in order: the option may be repeated. */
export function listOf<T>(kind: ValueKind<T>): ValueKind<readonly T[]> {
  return {
    placeholder: kind.placeholder,
    rule: kind.rule,
    read: (texts) => {
      const values = texts.map((value) => kind.read([value])).filter((value) => value !== undefined);
      return values.length === texts.length ? values : undefined;
    },
  };
}
