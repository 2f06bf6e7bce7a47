import { inspect } from "node:util";
import { CheckpointError } from "../../errors.js";
import type { JsonObject } from "../checkpoint/json.js";

/** Typed reading of `config.json`: an absent field has the default of transformers, a wrong one is an error. */
export class ConfigFields {
  constructor(private readonly raw: JsonObject) {}

  positiveInteger(name: string, byDefault: number): number {
    const value = this.#get(name) ?? byDefault;
    if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
    throw this.#wrong(name, "a whole number > 0");
  }

  positiveNumber(name: string, byDefault: number): number {
    const value = this.#get(name) ?? byDefault;
    if (typeof value === "number" && value > 0) return value;
    throw this.#wrong(name, "a number > 0");
  }

  boolean(name: string, byDefault: boolean): boolean {
    const value = this.#get(name) ?? byDefault;
    if (typeof value === "boolean") return value;
    throw this.#wrong(name, "true or false");
  }

  oneOf<const T extends string>(name: string, values: readonly T[], byDefault: T): T {
    const value = this.#get(name) ?? byDefault;
    const match = values.find((candidate) => candidate === value);
    if (match !== undefined) return match;
    throw this.#wrong(name, `one of ${values.join(", ")}`);
  }

  /** For fields that change what the model computes in a way that is not supported. */
  refuse(name: string, isHarmless: (value: unknown) => boolean): void {
    const value = this.#get(name);
    if (value === undefined || isHarmless(value)) return;
    throw new CheckpointError(`config.json: ${name} ${inspect(value, { depth: 0 })} is not supported`);
  }

  /** transformers writes null for a field that has no value. */
  #get(name: string): unknown {
    return this.raw[name] ?? undefined;
  }

  #wrong(name: string, rule: string): CheckpointError {
    return new CheckpointError(`config.json: ${name} must be ${rule}, got ${inspect(this.raw[name], { depth: 0 })}`);
  }
}
