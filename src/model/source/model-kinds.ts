/** What tells a model's folder, be it on this disk (`local.ts`) or in a store's list (`needed-files.ts`). */

export type ModelKind = "huggingface" | "caikit" | "gguf";

/** A folder is of the first kind whose file it has. One with none of them is a model if it has a GGUF file. */
export const kindMarkers = [
  { kind: "huggingface", file: "config.json" },
  { kind: "caikit", file: "config.yml" },
] as const satisfies readonly { readonly kind: ModelKind; readonly file: string }[];

/** Hidden folders are caches and mounts; `lost+found`, at the root of a volume, is for root's eyes only. */
export function mayBeModel(folderName: string): boolean {
  return !/^(\.|lost\+found$)/.test(folderName);
}
