import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const generated = join("src", "api", "grpc", "generated");

test("the generated types are what `npm run protos` makes of the protos", () => {
  const fresh = mkdtempSync(join(tmpdir(), "ortler-protos-"));
  try {
    const bin = join(root, "node_modules", ".bin");
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` };
    execFileSync(join(bin, "buf"), ["generate", "--output", fresh], { cwd: root, env });
    expect(readTree(join(root, generated))).toEqual(readTree(join(fresh, generated)));
  } finally {
    rmSync(fresh, { recursive: true });
  }
});

function readTree(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}
