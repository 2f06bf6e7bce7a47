/**
 * What of the repository and its packages the program loads: this goes into the image and nothing else. All JavaScript
 * is bundled into dist/ (docs/decisions/0010-bundle.md); of packages remain those with native code, and the assets of
 * the page with the API's documentation. test/image starts the server with just these, so a missing file shows there.
 */

/** The program's folder in the image. */
export const programFolder = "opt/ortler";

/** Files and folders, from the root of the repository, that have the same place in the program's folder. */
export function programContents(arch) {
  return [
    "package.json", // the version
    "dist",
    "models/tiny",
    "node_modules/koffi/package.json",
    "node_modules/koffi/index.js",
    "node_modules/koffi/src/koffi/index.js",
    "node_modules/koffi/src/koffi/src/static.js",
    `node_modules/@koromix/koffi-linux-${arch}/package.json`,
    `node_modules/@koromix/koffi-linux-${arch}/index.js`,
    `node_modules/@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`,
    "node_modules/onnxruntime-node/package.json",
    `node_modules/onnxruntime-node/bin/napi-v6/linux/${arch}/libonnxruntime.so.1`,
    "node_modules/swagger-ui-dist/package.json",
    "node_modules/swagger-ui-dist/swagger-ui-bundle.js",
    "node_modules/swagger-ui-dist/swagger-ui.css",
  ];
}

/** Node reads source maps only when told to, and they are twice the size of the program. */
export function isShipped(path) {
  return !path.endsWith(".map");
}

/**
 * Programs in /usr/local/bin, all of which start Ortler: its own name, and those that manifests for TGIS and Caikit run
 * (src/commands/peer-programs.ts). The image has no shell and no `env`, so each names Node by its path.
 */
export const programNames = ["ortler", "text-generation-launcher", "python", "curl"];
export const programText = `#!/usr/local/bin/node\nimport("/${programFolder}/dist/cli.js");\n`;
