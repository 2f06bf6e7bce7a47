/** The command as a GPU machine runs it, on the CPU. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deviceName } from "../../../bench/arguments.js";
import { renderGpuReport } from "../../../bench/gpu/render.js";
import type { GpuReport } from "../../../bench/gpu/report.js";

/** Beside node_modules, where Node finds them. */
const programs = path.join(".cache", "test", "bench-gpu");
const folder = mkdtempSync(path.join(tmpdir(), "ortler-bench-gpu-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** One file for each, as in `dist-bench`: the benchmark forks some of them. */
beforeAll(async () => {
  const entryPoints = ["bench/**/*.ts", "src/**/*.ts"];
  await build({ entryPoints, outdir: programs, outbase: ".", format: "esm", target: "node20", logLevel: "error" });
});

async function bench(...args: readonly string[]) {
  const out = path.join(folder, args.join());
  const program = path.join(programs, "bench", "cli.js");
  const given = ["gpu", "--smoke", "--python=no-such-python", `--folder=${folder}`, `--out=${out}`, ...args];
  const env = { ...process.env, ORTLER_ORT_LIBRARY: "" };
  const code = await new Promise<number>((resolve) => {
    const child = execFile(process.execPath, [program, ...given], { env });
    child.on("exit", (exitCode) => resolve(exitCode ?? -1));
  });
  const report = JSON.parse(readFileSync(path.join(out, "bench-gpu.json"), "utf8")) as GpuReport;
  return { code, report, text: readFileSync(path.join(out, "bench-gpu.txt"), "utf8") };
}

describe("on the CPU, with a tiny model", () => {
  let result: Awaited<ReturnType<typeof bench>>;
  beforeAll(async () => {
    result = await bench("--device=cpu");
  });

  test("all but PyTorch is measured", () => {
    const left = result.report.parts.filter(({ outcome }) => outcome !== "measured");
    expect(left.map(({ name, reason }) => [name, reason])).toEqual([["PyTorch at 8", "there is no no-such-python"]]);
    expect(result.code).toBe(0);
  });

  test("every figure is there, and none is zero", () => {
    const { decode, prefillMs, starts, clients, bandwidth } = result.report;
    const figures = [
      ...decode.flatMap(({ stepMs, leastMs, achieved }) => [stepMs, leastMs, achieved]),
      ...[prefillMs?.median, clients?.tokensPerSecond, clients?.clientCpuShare, bandwidth?.bytesPerSecond],
      ...[starts?.plain, starts?.cached].flatMap((start) => [
        start?.servingMs[0],
        ...(start?.parts ?? []).map(({ ms }) => ms),
      ]),
    ];
    expect(figures.length).toBe(22);
    expect(figures.filter((figure) => !((figure ?? 0) > 0))).toEqual([]);
    expect(decode.map(({ streams }) => streams)).toEqual([1, 8]);
  });

  test("the report says what was measured on what, for programs and for people", () => {
    const { report, text } = result;
    expect(report).toMatchObject({
      ...{ schemaVersion: 1, command: "gpu", device: { name: "CPU" }, machine: { node: process.version } },
      ...{ model: { dtype: "float32", kvDtype: "float32", slots: 8 }, clients: { clients: 8, processes: 2 } },
    });
    expect(text).toContain("smoke, random weights: float32 weights, float32 cache, 8 slots");
    expect(text).toContain("8 gRPC clients:");
  });

  test("clients that may be what limits are said to be", () => {
    const { clients } = result.report;
    const said = (isClientBound: boolean): string =>
      renderGpuReport({ ...result.report, clients: clients && { ...clients, isClientBound } });
    expect(said(true)).toContain("the clients may be what limits");
    expect(said(false)).not.toContain("the clients may be what limits");
  });
});

test("without the device the report says why, and the command fails", async () => {
  const { code, report, text } = await bench("--device=cuda"); // onnxruntime-node brings no CUDA provider
  expect(code).toBe(1);
  expect(report.parts.map(({ name, outcome }) => [name, outcome])).toEqual([
    ["device", "failed"],
    ["PyTorch at 8", "skipped"],
  ]);
  expect(text).toContain("CUDA provider must lie beside");
});

test.each(["cpu", "cuda", "cuda:7"])("%s is a device", (name) => {
  expect(deviceName("--device", name)).toBe(name);
});

test.each(["auto", "gpu", "cuda:", "cuda:-1", "CPU", ""])("%j is no device, and the option is named", (name) => {
  expect(() => deviceName("--device", name)).toThrow(`--device must be cpu, cuda or cuda:N, got ${name}`);
});
