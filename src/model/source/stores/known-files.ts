import { smallFiles, weightFormats } from "../../checkpoint/file-names.js";

/** What is asked for where a folder cannot be listed. */
export const knownFiles: readonly string[] = [
  ...smallFiles,
  ...weightFormats.flatMap(({ file, index }) => [file, index]),
];

/** Whether the file names the files that the weights are spread over. */
export function isWeightIndex(path: string): boolean {
  return path.endsWith(".index.json");
}
