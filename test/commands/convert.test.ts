/** `ortler convert` of the program as built. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { readTensors } from "../model/export/exporting.js";
import { fixture, temporaryFolder } from "../support/checkpoints.js";
import { serveFiles, startServer } from "../support/file-server.js";

interface RunOptions {
  /** What the shell does before. */
  readonly prelude?: string;
}

async function run(args: readonly string[], { prelude = ":" }: RunOptions = {}) {
  const script = `${prelude}; exec "$@"`;
  const child = spawn("sh", ["-c", script, "sh", process.execPath, "dist/cli.js", "convert", ...args], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close") as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, stdout, stderr };
}

const source = fixture("micro-gpt2");

test("writes a folder, and says what is in it", async () => {
  const folder = join(await temporaryFolder(), "small");
  const files = "generation_config.json, model.safetensors, tokenizer.json, tokenizer_config.json, config.json";
  expect(await run(["--dtype=float16", source, folder])).toEqual({
    code: 0,
    stdout: `wrote ${folder}: ${files}\n40 tensors in float16, 389 kB\n`,
    stderr: "",
  });
  expect((await readdir(folder)).sort()).toEqual(files.split(", ").sort());
});

test("writes ONNX, over what was there", async () => {
  const folder = join(await temporaryFolder(), "model");
  await run([source, folder]);
  const { code, stdout } = await run(["--format=onnx", "--overwrite", source, folder]);
  expect([code, stdout]).toEqual([0, expect.stringContaining("model.onnx, model.onnx_data, ")]);
  expect(await readdir(folder)).not.toContain("model.safetensors");
});

test("takes a model from a web server, as serve does", async () => {
  const names = await readdir(source);
  const contents = names.map(async (name) => [`/models/${name}`, await readFile(join(source, name))] as const);
  const { origin } = await startServer(serveFiles(new Map(await Promise.all(contents))));
  const [cache, folder] = [await temporaryFolder(), join(await temporaryFolder(), "model")];
  const { code, stderr } = await run([`--model-cache=${cache}`, `${origin}/models/`, folder]);
  expect([code, stderr]).toEqual([0, ""]);
  expect(await readTensors(folder)).toEqual(await readTensors(source));
});

test("a file that cannot grow ends it with one line, and leaves nothing", async () => {
  const parent = await temporaryFolder();
  const folder = join(parent, "model");
  expect(await run([source, folder], { prelude: "ulimit -f 200" })).toEqual({
    code: 2,
    stdout: "",
    stderr: `ortler: ${folder} cannot take the model: its file would be larger than a file may be (EFBIG)\n`,
  });
  expect(await readdir(parent)).toEqual([]);
});

const mistakes: [args: string[], stderr: string][] = [
  [[], "ortler: no SRC and no DST: name the model and the folder to fill\n"],
  [["a"], 'ortler: no DST: name the folder to fill with what becomes of "a"\n'],
  [["a", "b", "c"], 'ortler: unexpected argument "c"\n'],
  [["a", "s3://b/c"], 'ortler: DST must be a folder on this machine, got "s3://b/c"\n'],
  [["", "b"], "ortler: SRC is empty: name the model to convert\n"],
  [["./nowhere", "b"], expect.stringMatching(/^ortler: model path .*\/nowhere does not exist\n$/) as string],
  [[source, source], `ortler: ${source} is where the model is: convert it to another folder\n`],
  [[source, "package.json"], expect.stringMatching(/package\.json is a file.* \(EEXIST\)\n$/) as string],
  [["--dtype=int8", "a", "b"], expect.stringMatching(/^ortler: --dtype must be .*"int8"\n$/) as string],
  [["--format=gguf", "a", "b"], expect.stringMatching(/^ortler: --format must be .*"gguf"\n$/) as string],
];
test.each(mistakes)("ortler convert %j ends with code 2 and says why", async (args, stderr) => {
  expect(await run(args)).toEqual({ code: 2, stdout: "", stderr });
});

/** File systems of the kernel, which take no folder: one says so, the other that there is no such folder. */
const closed: [destination: string, code: string][] = [
  ["/proc/ortler/model", "ENOENT"],
  ["/proc/sys/ortler", "ENOENT|EACCES|EPERM|EROFS"],
  ["/sys/ortler", "EACCES|EPERM|EROFS"],
];
test.runIf(process.platform === "linux").each(closed)("a DST at %s ends it with one line", async (folder, code) => {
  const message = new RegExp(`^ortler: ${folder} cannot be written \\((${code})\\)\n$`);
  expect(await run([source, folder])).toEqual({
    code: 2,
    stdout: "",
    stderr: expect.stringMatching(message) as string,
  });
});

test("--help shows how it is used", async () => {
  const { code, stdout } = await run(["--help"]);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^Usage: ortler convert \[options\] SRC DST/) as string,
  });
});
