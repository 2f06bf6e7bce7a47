import { createHash } from "node:crypto";

/** The manifest of these files, as `examples/finetune` writes it behind them. */
export function manifestOf(files: ReadonlyMap<string, Buffer>): string {
  const named = Array.from(files, ([path, bytes]) => ({
    path,
    size: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  }));
  return JSON.stringify({ version: 1, files: named });
}
