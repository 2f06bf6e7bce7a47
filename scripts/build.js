/**
 * Bundles the program into dist/: `npm run build`. Types are checked by `npm run lint`.
 *
 * One file for each part that is loaded by itself, instead of hundreds: most of a start would otherwise go into
 * finding and reading modules (docs/decisions/0010-bundle.md).
 */
import { rm } from "node:fs/promises";
import { build } from "esbuild";

await rm("dist", { recursive: true, force: true });
await build({
  entryPoints: ["src/cli.ts"],
  outdir: "dist",
  bundle: true,
  splitting: true,
  platform: "node",
  target: "node20",
  format: "esm",
  sourcemap: true,
  // Native code: found by its package's own place.
  external: ["koffi", "onnxruntime-node"],
  // CommonJS packages inside the bundle want a `require` for Node's own modules.
  banner: {
    js: `import { createRequire as createRequireOf } from "node:module";const require=createRequireOf(import.meta.url);`,
  },
  logLevel: "warning",
});
