/** The software bill of materials: what the image's program is made of, for those who look for known faults in it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programPackages, readLock } from "./packages.js";

/**
 * In CycloneDX's format, by npm, out of a manifest and a lock file that name the program's packages only: npm's own
 * `--omit dev` leaves out what development needs as well, a quarter of them.
 */
export function renderBill() {
  const folder = mkdtempSync(join(tmpdir(), "ortler-bill-"));
  try {
    const packages = Object.fromEntries(programPackages());
    const { devDependencies, ...manifest } = JSON.parse(readFileSync("package.json", "utf8"));
    const tools = Object.entries(devDependencies).filter(([name]) => packages[`node_modules/${name}`]?.dev === true);
    const dependencies = { ...manifest.dependencies, ...Object.fromEntries(tools) };
    write(folder, "package.json", { ...manifest, dependencies });
    const lockedManifest = { name: manifest.name, version: manifest.version, dependencies };
    write(folder, "package-lock.json", { ...readLock(), packages: { "": lockedManifest, ...packages } });
    const sbom = ["sbom", "--package-lock-only", "--sbom-format", "cyclonedx", "--sbom-type", "application"];
    return execFileSync("npm", sbom, { cwd: folder, encoding: "utf8" });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function write(folder, file, value) {
  writeFileSync(join(folder, file), JSON.stringify(value));
}
