import { smallFiles, weightFormats } from "../../checkpoint/file-names.js";
import { uploadManifestName } from "../watch/upload-manifest.js";

/** What is asked for where a folder cannot be listed. */
export const knownFiles: readonly string[] = [
  ...smallFiles,
  ...weightFormats.flatMap(({ file, index }) => [file, index]),
  uploadManifestName,
];

/** Whether the file names the files that the weights are spread over. */
export function isWeightIndex(path: string): boolean {
  return path.endsWith(".index.json");
}
