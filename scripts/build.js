/**
 * Bundles the program into dist/: `npm run build`. Types are checked by `npm run lint`.
 *
 * One file for each part that is loaded by itself, instead of hundreds: most of a start would otherwise go into
 * finding and reading modules (docs/decisions/0010-bundle.md).
 */
import { rm } from "node:fs/promises";
import { build } from "esbuild";

/** What programs for Node have in common. */
const forNode = {
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
};

await rm("dist", { recursive: true, force: true });
await build({ ...forNode, entryPoints: ["src/cli.ts"] });

// The load test, apart from the server: shared chunks would be more files for the server's start to find and read.
await build({
  ...forNode,
  entryPoints: { "load-test": "bench/load/main.ts", "load-client": "bench/load/client/load-client.ts" },
  chunkNames: "load-[name]-[hash]",
});

// What the page of its report runs in a browser.
await build({
  entryPoints: { "report-page": "bench/report-page/charts.js" },
  outdir: "dist",
  bundle: true,
  platform: "browser",
  target: "es2022",
  format: "iife",
  minify: true,
  banner: { js: "/* with uPlot, (c) Leon Sorokin, MIT licence: https://github.com/leeoniya/uPlot */" },
  logLevel: "warning",
});
