/** Licence notices of everything that the image's program is made of: what its authors ask to come with copies. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { programPackages } from "./packages.js";

/** Packages that come without a licence file, and where their text is. */
const elsewhere = {
  "@bufbuild/protobuf": "scripts/image/notices/protobuf-es.txt",
  "@koromix/koffi-linux-arm64": "node_modules/koffi/LICENSE.txt",
  "@koromix/koffi-linux-x64": "node_modules/koffi/LICENSE.txt",
  "abstract-logging": "scripts/image/notices/abstract-logging.txt",
  "onnxruntime-common": "scripts/image/notices/onnxruntime.txt",
  "onnxruntime-node": "scripts/image/notices/onnxruntime.txt",
};

/**
 * One text for all packages, each text once, in the order of the lock file.
 *
 * @throws {Error} naming the package that has no licence text: it belongs into `elsewhere`.
 */
export function renderNotices() {
  const packagesOf = new Map();
  for (const folder of programPackages().keys()) {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const text = noticeText(folder, name, license);
    packagesOf.set(text, [...(packagesOf.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  const rule = "=".repeat(80);
  const sections = [...packagesOf].map(([text, packages]) => [rule, ...packages, rule, "", text, ""].join("\n"));
  return `Ortler contains the following packages.\n\n${sections.join("\n")}`;
}

function noticeText(folder, name, license) {
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  const paths = files.map((file) => join(folder, file));
  if (elsewhere[name] !== undefined) paths.push(elsewhere[name]);
  if (paths.length > 0) return paths.map((path) => readFileSync(path, "utf8").trim()).join("\n\n");
  if (license === "Apache-2.0") return "Apache License 2.0: the text is in the file LICENSE beside this one.";
  throw new Error(`${name} has no licence text: add it to scripts/image/notices`);
}
