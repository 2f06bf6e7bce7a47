/** What is in the image, and that the Dockerfile's steps make it out of what .dockerignore lets through. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { root } from "./container.js";

const context = resolve(".cache/image/context");
const built = resolve(".cache/image/built");
afterAll(() => {
  for (const folder of [context, built]) rmSync(folder, { recursive: true, force: true });
});

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort();
}

/** `name@version` of the production packages that are installed, as npm tells them. */
function productionPackages(): string[] {
  const lines = execFileSync("npm", ["ls", "--all", "--omit=dev", "--parseable", "--long"], { encoding: "utf8" });
  const own = resolve(".");
  return lines
    .trim()
    .split("\n")
    .map((line) => line.split(":"))
    .filter(([folder]) => folder !== own)
    .map(([, name = ""]) => name);
}

test("the build needs nothing but what .dockerignore lets through, and makes the same files of it", () => {
  for (const folder of [context, built]) rmSync(folder, { recursive: true, force: true });
  const [everything, ...exceptions] = readFileSync(".dockerignore", "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  expect(everything).toBe("*");
  mkdirSync(context, { recursive: true });
  for (const path of exceptions.map((line) => line.slice(1))) {
    cpSync(path, join(context, path), { recursive: true });
  }
  symlinkSync(resolve("node_modules"), join(context, "node_modules"));
  execFileSync("node", ["scripts/build.js"], { cwd: context });
  execFileSync("node", ["scripts/image/program.js", built], { cwd: context });
  const isProgram = (path: string): boolean => !/\/dist\/.*-[A-Z0-9]{8}\.js$/.test(path); // names of chunks are digests
  const program = filesIn(built).filter(isProgram);
  expect(program).toContain("opt/ortler/dist/cli.js");
  expect(filesIn(root)).toEqual(expect.arrayContaining(program));
});

test("nothing is shipped that is for other platforms, for developers or for debuggers", () => {
  const suspects = /\.(map|d\.ts|dll|dylib)$|node_modules\/.*(musl|win32|darwin|onnxruntime_binding|\.md$)/;
  expect(filesIn(root).filter((path) => suspects.test(path))).toEqual([]);
});

test("each package that the program is made of is in the bill of materials and in the licence notices", () => {
  const packages = productionPackages();
  expect(packages.length).toBeGreaterThan(100);
  const bill = JSON.parse(readFileSync(join(root, "opt/ortler/sbom.cdx.json"), "utf8")) as {
    readonly bomFormat: string;
    readonly components: readonly { readonly name: string; readonly version: string }[];
  };
  expect(bill.bomFormat).toBe("CycloneDX");
  expect(bill.components.map(({ name, version }) => `${name}@${version}`)).toEqual(expect.arrayContaining(packages));
  const notices = readFileSync(join(root, "licenses/THIRD_PARTY_LICENSES"), "utf8");
  const named = [...notices.matchAll(/^(\S+) (\d+\.\d+\.\d+\S*) \(.+\)$/gm)].map(
    ([, name, version]) => `${name}@${version}`,
  );
  const uplot = expect.stringMatching(/^uplot@/) as string; // bundled, although only a tool depends on it
  expect(named).toEqual(expect.arrayContaining([...packages, uplot]));
});

test("everyone may read everything, and programs may be run", () => {
  const modes = filesIn(root).map((path) => ({ path, mode: statSync(join(root, path)).mode & 0o777 }));
  expect(modes.filter(({ mode }) => (mode & 0o444) !== 0o444 || (mode & 0o022) !== 0)).toEqual([]);
  const programs = modes.filter(({ path }) => path.startsWith("usr/local/bin/"));
  expect(programs.filter(({ mode }) => mode !== 0o755)).toEqual([]);
  expect(programs).toHaveLength(5);
});
