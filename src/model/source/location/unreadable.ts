import { ConfigurationError } from "../../../errors.js";
import { systemErrorCode } from "../../checkpoint/json.js";

/** Whether the system's error says that this process may not, whatever it tries. */
export function isForbidden(error: unknown): boolean {
  return ["EACCES", "EPERM"].includes(systemErrorCode(error) ?? "");
}

/**
 * The error for a path of a model that is there and cannot be read. In a container nobody has chosen the user, so one
 * that may not read is named.
 * @param cause the system's.
 */
export function unreadable(path: string, cause: unknown): ConfigurationError {
  const by = isForbidden(cause) ? ` by uid ${process.geteuid?.()}, gid ${process.getegid?.()}` : "";
  return new ConfigurationError(`${path} cannot be read${by} (${systemErrorCode(cause) ?? String(cause)})`, { cause });
}
