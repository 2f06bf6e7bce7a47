/** Renders kustomizations with the real kubectl, which has kustomize in it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseManifests, type Manifest } from "./manifests.js";

/** The repository's `runtime`. */
export const runtimeFolder = fileURLToPath(new URL("../../../runtime", import.meta.url));

export const overlays = foldersIn("overlays").map((name) => `overlays/${name}`);
export const examples = ["serverless", "raw"].flatMap((mode) =>
  foldersIn(`examples/${mode}`).map((name) => `examples/${mode}/${name}`),
);

/** The objects of a folder of `runtime`. @throws {Error} with what kubectl says. */
export function render(folder: string): Manifest[] {
  return kustomize(join(runtimeFolder, folder));
}

/** The objects of an operator's own kustomization over folders of `runtime`, with further lines of YAML. */
export function renderOver(folders: readonly string[], lines: string): Manifest[] {
  const own = realpathSync(mkdtempSync(join(tmpdir(), "ortler-kustomize-")));
  try {
    const resources = folders.map((folder) => `- ${relative(own, join(runtimeFolder, folder))}`);
    writeFileSync(join(own, "kustomization.yaml"), ["resources:", ...resources, lines].join("\n"));
    return kustomize(own);
  } finally {
    rmSync(own, { recursive: true });
  }
}

function kustomize(folder: string): Manifest[] {
  const { KUBECTL_BINARY: kubectl } = process.env;
  if (kubectl === undefined) throw new Error("KUBECTL_BINARY must name kubectl: env $(bash scripts/kube-tools.sh) ...");
  return parseManifests(execFileSync(kubectl, ["kustomize", folder], { encoding: "utf8", stdio: "pipe" }));
}

function foldersIn(folder: string): string[] {
  const entries = readdirSync(join(runtimeFolder, folder), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
