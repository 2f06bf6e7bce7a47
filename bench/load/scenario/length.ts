/** How many tokens a request has: a distribution, from which each request draws. */
import { anyOf, FieldError, integer, mapped, number, type Field } from "../../../src/api/fields.js";
import { strictObject } from "./strict-object.js";

/** Uniform in [0, 1). */
export type Random = () => number;

export type Length =
  | { readonly kind: "fixed"; readonly tokens: number }
  /** Any number in [from, to], both included. */
  | { readonly kind: "uniform"; readonly from: number; readonly to: number }
  /** As lengths of real prompts are: many short ones, few long ones. What lies outside [from, to] is moved to its end. */
  | {
      readonly kind: "lognormal";
      readonly median: number;
      readonly sigma: number;
      readonly from: number;
      readonly to: number;
    };

const tokens = integer({ minimum: 1, maximum: 1_048_576 });
const bounds = { from: tokens, to: tokens };

const anyLength = anyOf<Length>(
  'a number of tokens, {"from", "to"}, or {"median", "sigma", "from", "to"}',
  mapped(tokens, (count) => ({ kind: "fixed", tokens: count })),
  mapped(strictObject(bounds), (range) => ({ kind: "uniform", ...range })),
  mapped(strictObject({ ...bounds, median: tokens, sigma: number({ minimum: 0, maximum: 5 }) }), (shape) => ({
    kind: "lognormal",
    ...shape,
  })),
);

/** `128`, `{"from": 16, "to": 64}`, or that with `median` and `sigma`. */
export const length: Field<Length> = {
  ...anyLength,
  read: (value, path) => {
    const length = anyLength.read(value, path);
    if (length.kind === "fixed" || length.from <= length.to) return length;
    throw new FieldError(path, `${path} must have from at most to, got ${length.from} and ${length.to}`);
  },
};

export function drawLength(length: Length, random: Random): number {
  switch (length.kind) {
    case "fixed":
      return length.tokens;
    case "uniform":
      return length.from + Math.floor(random() * (length.to - length.from + 1));
    case "lognormal": {
      const drawn = Math.round(length.median * Math.exp(length.sigma * drawNormal(random)));
      return Math.min(length.to, Math.max(length.from, drawn));
    }
  }
}

/** Standard normal, of two uniform draws (Box and Muller, 1958). */
function drawNormal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random())); // 1 - x is never 0
  return radius * Math.cos(2 * Math.PI * random());
}
