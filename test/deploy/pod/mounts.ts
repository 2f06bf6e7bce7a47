/** What a container finds in its file system beside its image. */
import { join } from "node:path";
import { at, textAt, type JsonObject } from "../support/json.js";
import type { Manifest } from "../support/manifests.js";
import { dataOf } from "./environment.js";

export type Mount =
  /** An emptyDir. */
  | { readonly kind: "scratch"; readonly path: string }
  /** A folder of this machine, in place of a claim. */
  | { readonly kind: "folder"; readonly path: string; readonly folder: string; readonly isReadOnly: boolean }
  /** A Secret or ConfigMap: texts by file name. */
  | { readonly kind: "files"; readonly path: string; readonly files: Readonly<Record<string, string>> };

/** Folders of this machine that stand for PersistentVolumeClaims, by the claims' names. */
export type Claims = Readonly<Record<string, string>>;

/** @throws {Error} when a volume is missing, or of a kind that none of the manifests under test has. */
export function readMounts(
  volumeMounts: readonly JsonObject[],
  volumes: readonly JsonObject[],
  manifests: readonly Manifest[],
  claims: Claims,
): Mount[] {
  return volumeMounts.map((mount) => {
    const path = textAt(mount, "mountPath");
    const volume = volumes.find(({ name }) => name === mount["name"]);
    const claim = claims[textAt(volume, "persistentVolumeClaim", "claimName")];
    if (at(volume, "emptyDir") !== undefined) return { kind: "scratch", path };
    if (claim !== undefined) {
      const folder = join(claim, textAt(mount, "subPath"));
      return { kind: "folder", path, folder, isReadOnly: mount["readOnly"] === true };
    }
    const files =
      dataOf("Secret", textAt(volume, "secret", "secretName"), manifests) ??
      dataOf("ConfigMap", textAt(volume, "configMap", "name"), manifests);
    if (files === undefined) throw new Error(`nothing to mount at ${path}: ${JSON.stringify(volume)}`);
    return { kind: "files", path, files };
  });
}
