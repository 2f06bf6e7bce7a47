/** The packages that the program is made of: of the lock file those that are for production and for this platform. */
import { existsSync, readFileSync } from "node:fs";

/** Bundled into the program although the server does not depend on it: the charts of the load test's report. */
const bundledTools = ["node_modules/uplot"];

/** Entries of the lock file by folder, e.g. `node_modules/koffi`. */
export function programPackages() {
  return new Map(
    Object.entries(readLock().packages).filter(
      ([folder, { dev }]) => folder !== "" && existsSync(folder) && (dev !== true || bundledTools.includes(folder)),
    ),
  );
}

/** `package-lock.json` as npm wrote it. */
export function readLock() {
  return JSON.parse(readFileSync("package-lock.json", "utf8"));
}
