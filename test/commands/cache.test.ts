/** `ortler cache` of the program as built, on a cache that this process has filled. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { mebibyte, randomBytes, startFetching } from "../model/source/fetching.js";
import { ServedFolder } from "../model/source/store-server.js";

async function run(args: readonly string[]) {
  const env = { PATH: process.env["PATH"] ?? "" };
  const child = spawn(process.execPath, ["dist/cli.js", "cache", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const closed = once(child, "close") as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, stdout, stderr };
}

/** Two models of 1 MiB: this process has `used` in use, and nobody `left`. */
async function fillCache() {
  const { address, cacheFolder, fetch } = await startFetching(randomBytes(mebibyte));
  const left = await fetch({}, new ServedFolder(address, "test://models/left/"));
  await left.release();
  const used = await fetch({}, new ServedFolder(address, "test://models/used/"));
  return { cacheFolder, used, left, flag: `--model-cache=${cacheFolder}` };
}

test("list has a line for each model, what was used last first, and the sum", async () => {
  const { cacheFolder, flag } = await fillCache();
  const { code, stdout, stderr } = await run(["list", flag]);
  expect([code, stderr]).toEqual([0, ""]);
  const size = String.raw`\d\.\d MB`;
  const time = String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`;
  const lines = [
    `  ${size}  in use    ${time}  test://models/used/`,
    `  ${size}  complete  ${time}  test://models/left/`,
    `${size} in ${cacheFolder}`,
  ];
  expect(stdout).toMatch(new RegExp(`^${lines.join("\n")}\n$`));
});

test("list --json has the same for programs, with digests", async () => {
  const { cacheFolder, used, left, flag } = await fillCache();
  expect(JSON.parse((await run(["list", flag, "--json"])).stdout)).toMatchObject({
    folder: cacheFolder,
    entries: [
      { uri: "test://models/used/", isComplete: true, isUsed: true, digest: used.digest },
      { uri: "test://models/left/", isComplete: true, isUsed: false, digest: left.digest },
    ],
  });
});

test("prune removes all that no living process uses", async () => {
  const { cacheFolder, flag } = await fillCache();
  const { code, stdout } = await run(["prune", flag]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^removed test:\/\/models\/left\/\n1\.\d MB left in /);
  expect(await readdir(join(cacheFolder, "entries"))).toHaveLength(1);
});

test("prune removes nothing while the cache takes no more than --keep", async () => {
  const { cacheFolder, flag } = await fillCache();
  const { stdout } = await run(["prune", flag, "--keep=1Gi", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ folder: cacheFolder, removed: [] });
  expect(await readdir(join(cacheFolder, "entries"))).toHaveLength(2);
});

test("what is left of a removal that was broken off has the name of its entry, and can be removed", async () => {
  const { cacheFolder } = await startFetching(randomBytes(10));
  const folder = join(cacheFolder, "entries/0123abcd/model/gpt2");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), randomBytes(5000));
  const flag = `--model-cache=${cacheFolder}`;
  expect((await run(["list", flag])).stdout).toMatch(/^ +[\d.]+ kB {2}partial {3}.*Z {2}0123abcd\n/);
  expect((await run(["prune", flag])).stdout).toBe(`removed 0123abcd\n0 B left in ${cacheFolder}\n`);
});

test("a folder that is not there is an empty cache, and is not made", async () => {
  const { cacheFolder } = await startFetching(randomBytes(10));
  const folder = join(cacheFolder, "none");
  expect(await run(["list", `--model-cache=${folder}`])).toEqual({ code: 0, stdout: `0 B in ${folder}\n`, stderr: "" });
  expect(await readdir(cacheFolder)).toEqual([]);
});

const mistakes: [args: string[], stderr: string][] = [
  [[], "ortler: say what to do with the cache: list or prune\n"],
  [["purge"], 'ortler: say what to do with the cache: list or prune, got "purge"\n'],
  [["list", "all"], 'ortler: unexpected argument "all"\n'],
  [["prune", "--keep=lots"], expect.stringMatching(/^ortler: --keep must be .*"lots"\n$/) as string],
];
test.each(mistakes)("ortler cache %j ends with code 2 and says why", async (args, stderr) => {
  expect(await run(args)).toEqual({ code: 2, stdout: "", stderr });
});

test("--help shows how it is used", async () => {
  const { code, stdout } = await run(["--help"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^Usage: ortler cache list/) as string });
});
