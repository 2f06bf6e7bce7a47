/**
 * Builds the root file system of the image's `cpu` target without Docker, and says what takes how much of it:
 *
 *   npm run image:rootfs
 *
 * It lies in .cache/image/rootfs, where test/image starts the server from it. Fails when it has grown beyond what we
 * promise.
 */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { writeBase } from "./base.js";
import { programContents, programFolder } from "./contents.js";
import { measure, renderSizes } from "./sizes.js";

const root = ".cache/image/rootfs";
const largestCompressedBytes = 150e6;

rmSync(root, { recursive: true, force: true });
execFileSync("node", ["scripts/image/program.js", root], { stdio: "inherit" });
const libraries = programContents(process.arch).filter((path) => /\.(node|so[.\d]*)$/.test(path));
writeBase(
  root,
  libraries.map((path) => join(root, programFolder, path)),
);

const measured = await measure(root);
process.stdout.write(`${root}\n\n${renderSizes(measured)}\n`);
const compressedBytes = measured.reduce((sum, part) => sum + part.compressedBytes, 0);
if (compressedBytes > largestCompressedBytes) {
  process.stderr.write(`The image is larger than ${largestCompressedBytes / 1e6} MB compressed.\n`);
  process.exitCode = 1;
}
