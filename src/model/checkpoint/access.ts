/**
 * Why a file that is there cannot be read. Where the system forbids it, an operator needs to know who this process is and
 * whose the file is: in a container nobody has chosen the user, and a volume's files may be another's (`fsGroup`).
 */
import { statSync, type Stats } from "node:fs";

/** Whether the system's error says that this process may not, whatever it tries. */
export function isForbidden(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");
}

/**
 * "cannot be read", and why, for behind a name.
 * @param why the system's code, or the error's own words.
 * @param path of what was to be read; by default the one that the system's error names.
 */
export function cannotBeRead(cause: unknown, why: string, path: string | undefined = pathIn(cause)): string {
  const uid = process.geteuid?.(); // Windows has none
  if (uid === undefined || !isForbidden(cause)) return `cannot be read (${why})`;
  const by = `uid ${uid}, gid ${process.getegid?.()}`;
  return `cannot be read by ${by} (${why})${path === undefined ? "" : ownership(path)}`;
}

function pathIn(error: unknown): string | undefined {
  return error instanceof Error && "path" in error && typeof error.path === "string" ? error.path : undefined;
}

/** Nothing where this process may not even see whose it is. */
function ownership(path: string): string {
  const status = statusOf(path);
  if (status === undefined) return "";
  const mode = (status.mode & 0o7777).toString(8).padStart(4, "0");
  const groups = process.getgroups?.().join(", ");
  return `: it belongs to uid ${status.uid}, gid ${status.gid}, mode ${mode}; groups of this process: ${groups}`;
}

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
