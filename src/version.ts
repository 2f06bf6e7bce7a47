import { readFile } from "node:fs/promises";

/** Ortler's own version, from its package.json: that of the built program, unless another is named. */
export async function readVersion(file: string | URL = new URL("../package.json", import.meta.url)): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(file, "utf8"));
  const isManifest = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return isManifest ? String(manifest.version) : "unknown";
}
