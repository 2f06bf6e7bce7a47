/** Fields that only OpenAI's API has. */
import { FieldError, type Field } from "../../fields.js";

export type JsonObject = Readonly<Record<string, unknown>>;

/** An object that is passed on as it is. */
export const anyObject: Field<JsonObject> = {
  schema: { type: "object" },
  isRequired: true,
  read: (value, path) => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
    throw refused(path, "an object", value);
  },
};

/** One of a few words. */
export function oneOf<const T extends string>(...words: readonly T[]): Field<T> {
  return {
    schema: { enum: words },
    isRequired: true,
    read: (value, path) => {
      const word = words.find((each) => each === value);
      if (word === undefined) throw refused(path, words.map((each) => JSON.stringify(each)).join(" or "), value);
      return word;
    },
  };
}

/**
 * What is not served is refused by name: ignored, it would give something else than was asked for.
 * @param why said to the client.
 * @param isHarmless whether a value asks for nothing.
 */
export function notServed(why: string, isHarmless: (value: unknown) => boolean = () => false): Field<undefined> {
  return {
    schema: { description: `Not served: ${why}.` },
    isRequired: false,
    read: (value, path) => {
      if (value == null || value === false || isHarmless(value)) return undefined;
      throw new FieldError(path, `${path} is not supported: ${why}`);
    },
  };
}

/** A list of nothing asks for nothing. */
export const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

const maxShownLength = 60;

function refused(path: string, rule: string, value: unknown): FieldError {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  const shown = text.length <= maxShownLength ? text : `${text.slice(0, maxShownLength)}...`;
  return new FieldError(path, `${path} must be ${rule}, got ${shown}`);
}
