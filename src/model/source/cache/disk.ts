/** Whether the disk has room, and what to say when it has none. */
import { statfs } from "node:fs/promises";
import { ConfigurationError } from "../../../errors.js";
import { formatBytes } from "../../../telemetry/progress/units.js";
import { systemErrorCode } from "../../checkpoint/json.js";

/** Left free for others on the same disk, who fare ill on a full one. */
export const spareBytes = 64 * 2 ** 20;

/** Bytes that may still be written below `folder`. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.max(0, bavail * bsize - spareBytes);
}

export function notEnoughRoom(folder: string, neededBytes: number, free: number): ConfigurationError {
  return new ConfigurationError(
    `model cache ${folder}: the model needs ${formatBytes(neededBytes)} more, and the disk has ${formatBytes(free)} ` +
      `for it (${formatBytes(spareBytes)} stay free); nothing was downloaded`,
  );
}

/** An error of the disk, said for the operator; others are given back as they are. */
export function describeDiskError(error: unknown, folder: string): unknown {
  const code = systemErrorCode(error);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new ConfigurationError(
      `model cache ${folder}: the disk is full (${code}); what was downloaded is kept, and the next start goes on from there`,
      { cause: error },
    );
  }
  const isDisk = code !== undefined && ["EROFS", "EACCES", "EPERM", "EIO", "EFBIG"].includes(code);
  if (!isDisk) return error;
  return new ConfigurationError(`model cache ${folder} cannot be written (${code})`, { cause: error });
}
