/** Whether a path names a GGUF file; a file is known by its name alone, before anything is read. */
export function isGgufPath(path: string): boolean {
  return path.endsWith(".gguf");
}
