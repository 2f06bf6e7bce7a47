import { inspect } from "node:util";
import { CheckpointError } from "../../errors.js";

/** A name out of a file, fit for an error message: quoted, control characters escaped, cut after 100 characters. */
export function quote(name: string): string {
  return inspect(name, { maxStringLength: 100, breakLength: Infinity });
}

/** Runs `read`; a CheckpointError out of it says where it happened: `context: message`. */
export function inContext<T>(context: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(`${context}: ${error.message}`, { cause: error });
  }
}
