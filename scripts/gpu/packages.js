/**
 * Copies what the tests and benchmarks of a GPU machine load of node_modules, for Linux on x86-64, into a folder:
 *
 *   node scripts/gpu/packages.js FOLDER
 *
 * These are the packages of the program, and vitest with all that it stands on.
 */
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { readLock } from "../image/packages.js";

/** What Node does not read, and libraries of other systems. */
const leftOut = /\.(map|md|d\.[cm]?ts)$|\/bin\/napi-v6\/(darwin|win32|linux\/arm64)(\/|$)/;

/** @returns folders such as `node_modules/vite`: those of `names`, and of all that they depend on. */
function closureOf(names, packages) {
  const found = new Set();
  const visit = (name, from) => {
    const folder = folderOf(name, from, packages);
    if (found.has(folder) || !existsSync(folder)) return; // optional ones of other platforms are not installed
    found.add(folder);
    const { dependencies, optionalDependencies } = packages[folder];
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies })) visit(needed, folder);
  };
  for (const name of names) visit(name, "");
  return [...found];
}

/** Where Node finds package `name` from within the package in `from`: below it, or below a folder above. */
function folderOf(name, from, packages) {
  const folder = join(from, "node_modules", name);
  if (folder in packages || from === "") return folder;
  return folderOf(name, from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/"))), packages);
}

function copyPackage(folder, target) {
  const isLoaded = (path) => !leftOut.test(path) && !path.slice(folder.length).includes("/node_modules");
  cpSync(folder, join(target, folder), { recursive: true, filter: isLoaded });
}

const [target] = process.argv.slice(2);
if (target === undefined) throw new Error("usage: node scripts/gpu/packages.js FOLDER");
const { packages } = readLock();
const names = [...Object.keys(packages[""].dependencies), "vitest"];
for (const folder of closureOf(names, packages)) copyPackage(folder, target);
