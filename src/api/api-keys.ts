import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfigurationError } from "../errors.js";

/** What a client is told that showed no key, or a wrong one; the two are not told apart. */
export const noKeyText = "missing or wrong API key";

/** The keys of which a client must show one, as `authorization: Bearer KEY`. */
export class ApiKeys {
  /** Digests have one length, which `timingSafeEqual` asks for, and tell nothing of the keys' lengths. */
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  /**
   * Takes the same time whichever key it is, and however much of it is right.
   * @param authorization the header's value.
   */
  permits(authorization: string | undefined): boolean {
    const [, shown] = /^bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
    if (shown === undefined) return false;
    const shownDigest = digest(shown);
    return this.#digests.map((own) => timingSafeEqual(own, shownDigest)).includes(true);
  }
}

/**
 * Reads a file with one key a line; empty lines and those that begin with `#` do not count.
 * @returns undefined for an empty path: everyone may call.
 * @throws {ConfigurationError} when the file cannot be read or has no key, naming its path and never a key.
 */
export function openApiKeys(path: string): ApiKeys | undefined {
  if (path === "") return undefined;
  const lines = readLines(path).map((line) => line.trim());
  const keys = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (keys.length === 0) throw new ConfigurationError(`--api-keys-file ${path} has no key`);
  const broken = lines.findIndex((line) => !line.startsWith("#") && /[^\x21-\x7e]/.test(line));
  if (broken >= 0) {
    throw new ConfigurationError(`--api-keys-file ${path}, line ${broken + 1}: a key is ASCII without spaces`);
  }
  return new ApiKeys(keys);
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`--api-keys-file ${path} cannot be read: ${why}`, { cause });
  }
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
