import { ConfigurationError, OrtlerError, UnavailableError } from "../../errors.js";
import { describeDiskError } from "./cache/disk.js";
import { RemoteError } from "./remote-folder.js";

/** What ended a fetch, as an error of Ortler where the operator can do something about it. */
export function describeFetchError(error: unknown, cacheFolder: string): unknown {
  if (error instanceof OrtlerError) return error;
  if (!(error instanceof RemoteError)) return describeDiskError(error, cacheFolder);
  const { message, isTransient } = error;
  return isTransient
    ? new UnavailableError(`${message}; tried again and again`, { cause: error })
    : new ConfigurationError(message, { cause: error });
}
