import { ConfigurationError } from "../../../errors.js";
import { cannotBeRead } from "../../checkpoint/access.js";
import { systemErrorCode } from "../../checkpoint/json.js";

/**
 * The error for a path of a model that is there and cannot be read.
 * @param cause the system's.
 */
export function unreadable(path: string, cause: unknown): ConfigurationError {
  const why = systemErrorCode(cause) ?? String(cause);
  return new ConfigurationError(`${path} ${cannotBeRead(cause, why, path)}`, { cause });
}
