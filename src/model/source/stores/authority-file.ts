import { readFile } from "node:fs/promises";
import { ConfigurationError } from "../../../errors.js";
import { systemErrorCode } from "../../checkpoint/json.js";

/**
 * The PEM text of a file with authorities to trust.
 *
 * @param name What gave the file's name, for messages.
 * @throws {ConfigurationError} when it cannot be read or has no certificate.
 */
export async function readAuthorityFile(file: string, name: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    const why = systemErrorCode(cause) ?? String(cause);
    throw new ConfigurationError(`${name}: CA bundle ${file} cannot be read (${why})`, { cause });
  });
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new ConfigurationError(`${name}: CA bundle ${file} has no certificate in PEM`);
}
