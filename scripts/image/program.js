/**
 * Writes all that the image has beyond its base (Node, C library, certificates) into a folder, as it lies in the image:
 *
 *   npm ci && npm run build && node scripts/image/program.js FOLDER
 *
 * Both the Dockerfile and rootfs.js call this, so that what is tested here is what is shipped.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { renderBill } from "./bill.js";
import { isShipped, programContents, programFolder, programNames, programText } from "./contents.js";
import { renderNotices } from "./notices.js";

/** @param arch as Node names it: x64 or arm64. */
function writeProgram(root, arch) {
  if (existsSync(root) && readdirSync(root).length > 0) throw new Error(`${root} must be an empty folder`);
  for (const path of programContents(arch)) {
    cpSync(path, join(root, programFolder, path), { recursive: true, filter: isShipped });
  }
  for (const name of programNames) write(root, `usr/local/bin/${name}`, programText);
  write(root, "licenses/THIRD_PARTY_LICENSES", renderNotices());
  cpSync("LICENSE", join(root, "licenses/LICENSE"));
  write(root, `${programFolder}/sbom.cdx.json`, renderBill());
  mkdirSync(join(root, "mnt/models"), { recursive: true });
  setModes(root, 0o644);
  setModes(join(root, "usr/local/bin"), 0o755);
}

function write(root, path, text) {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/**
 * The same for the owner, the group and all others, whatever the checkout's modes were: OpenShift runs the image as
 * some user id that nobody knows beforehand. Nothing is writable, because nothing is to be written.
 */
function setModes(folder, fileMode) {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) setModes(path, fileMode);
    else chmodSync(path, fileMode);
  }
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: node scripts/image/program.js FOLDER");
writeProgram(folder, process.arch);
