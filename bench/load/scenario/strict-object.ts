import { FieldError, object, type Field, type Fields } from "../../../src/api/fields.js";

/** An object that has no other fields: people write scenarios, and a misspelt field must not be a default in disguise. */
export function strictObject<F extends Readonly<Record<string, Field<unknown>>>>(fields: F): Field<Fields<F>> {
  const known = object(fields);
  return {
    ...known,
    schema: { ...known.schema, additionalProperties: false },
    read: (value, path) => {
      const read = known.read(value, path);
      const unknown = Object.keys(value as object).find((name) => !Object.hasOwn(fields, name)); // an object: it was read
      if (unknown === undefined) return read;
      const prefix = path === "" ? "" : `${path}.`;
      throw new FieldError(
        prefix + unknown,
        `${prefix}${unknown} is no field: there are ${Object.keys(fields).join(", ")}`,
      );
    },
  };
}
