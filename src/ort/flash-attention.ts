/** The one switch of ONNX Runtime that is not an option of a session: an environment variable. */

import { inTurn } from "./turns.js";

const variable = "ORT_GQA_DISABLE_FLASH_ATTENTION";

/**
 * Makes a session whose attention kernels have no flash attention, or have what the environment says. A kernel reads
 * the variable when it is made and never again, so it is set meanwhile only, and sessions are made one after the other.
 */
export function withFlashAttention<T>(isOff: boolean, create: () => Promise<T>): Promise<T> {
  return inTurn(() => (isOff ? withVariable("1", create) : create()));
}

/** Node passes it on to the C library, where ONNX Runtime looks. */
async function withVariable<T>(value: string, create: () => Promise<T>): Promise<T> {
  // eslint-disable-next-line no-restricted-properties -- written for a library that has no other way, not read as a setting
  const environment = process.env;
  const before = environment[variable];
  environment[variable] = value;
  try {
    return await create();
  } finally {
    if (before === undefined) Reflect.deleteProperty(environment, variable);
    else environment[variable] = before;
  }
}
