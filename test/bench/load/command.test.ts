/** The command as operators use it, on a small model, and what it refuses. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { fastify } from "fastify";
import { format } from "prettier";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createBenchCommand } from "../../../bench/load/command.js";
import { readReport, reportSchema, type LoadReport } from "../../../bench/load/report/format.js";
import { checkSmoke } from "../../../bench/load/smoke.js";
import { fixtures } from "../../support/reference.js";

const schemaFile = "../../../bench/load/report/report.schema.json";
const folder = mkdtempSync(path.join(tmpdir(), "ortler-load-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("the schema file is the one that reports are read by", async () => {
  const text = await format(JSON.stringify(reportSchema), { parser: "json", printWidth: 120 });
  await expect(text).toMatchFileSnapshot(schemaFile); // `npx vitest run -u` writes it
});

describe("a short run with the program as built", () => {
  const json = path.join(folder, "report.json");
  const html = path.join(folder, "report.html");
  let report: LoadReport;
  let summary: string;
  beforeAll(async () => {
    const scenario = ["--scenario=smoke", "--seconds=0.6", "--warm-up-seconds=0.1", "--api=tgis"];
    const args = ["bench", "load", `--model=${fixtures}/micro-gpt2`, ...scenario, `--json=${json}`, `--html=${html}`];
    ({ stdout: summary } = await promisify(execFile)(process.execPath, ["dist/cli.js", ...args]));
    report = readReport(readFileSync(json, "utf8"), json);
  });

  test("measures everything that the smoke of CI asks for", () => {
    expect(() => checkSmoke(report)).not.toThrow();
    expect(summary).toContain("Throughput");
  });

  test("counts every token that was asked for", () => {
    const [measurement] = report.measurements;
    expect(measurement?.tokens).toMatchObject({ promptMismatches: 0, uncounted: 0 });
    expect(measurement?.tokens.completion).toBe(measurement?.tokens.completionWanted);
  });

  test("writes a report that keeps the published schema, and the schema refuses what is none", async () => {
    const schema: unknown = JSON.parse(readFileSync(new URL(schemaFile, import.meta.url), "utf8"));
    const body = { ...(schema as Record<string, unknown>), $schema: undefined }; // fastify's validator has its own draft
    const app = fastify({
      ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    });
    app.post("/", { schema: { body } }, () => "");
    const statusOf = async (payload: string): Promise<number> => {
      const headers = { "content-type": "application/json" };
      return (await app.inject({ method: "POST", url: "/", headers, payload })).statusCode;
    };
    const text = readFileSync(json, "utf8");
    expect(await statusOf(text)).toBe(200);
    expect(await statusOf(text.replace('"schemaVersion": 1', '"schemaVersion": 2'))).toBe(400);
    expect(await statusOf(text.replace('"tokensPerSecond"', '"tokensPerMinute"'))).toBe(400);
  });

  test("writes a page, and reports become one page", async () => {
    const compared = path.join(folder, "compared.html");
    await createBenchCommand("dist").run(["report", json, json, `--html=${compared}`]);
    expect([html, compared].map((file) => readFileSync(file, "utf8").includes("<h1>Load test: smoke</h1>"))).toEqual([
      true,
      true,
    ]);
  });
});

describe("the command line", () => {
  const file = path.join(folder, "scenario.json");
  writeFileSync(file, JSON.stringify({ name: "own", seconds: 1, traffic: [{ clients: 1, promptTokens: 8 }] }));

  const refused: [args: string[], message: string | RegExp][] = [
    [[], "what is to be done must be load"],
    [["load", "more"], "what is to be done must be load"],
    [["load", "--scenario=none"], "--scenario must be one of interactive, long-prompt"],
    [["load", `--scenario=${file}`], "traffic[0].completionTokens is missing"],
    [["load", "--clients=2", "--rate=2"], "--clients and --rate exclude each other"],
    [["load", "--target=tgis=127.0.0.1"], "--target must be tgis=HOST:PORT"],
    [["load", "--target=openai=127.0.0.1:80"], "--target must be tgis=HOST:PORT"],
    [["load", "--target=other=127.0.0.1:80"], "--target must be tgis=HOST:PORT"],
    [["load", "--target=tgis=h:1", "--server-arg=--spin"], "--server-arg is for a server that is started here"],
    [["load", "--target=tgis=h:1", "--ca=/none"], "--ca must name a file that can be read"],
    [["load", "--target=tgis=h:1", "--cert=/none"], "--cert and --key need each other"],
    [["load", "--checkpoint=124m", "--model=x"], "--checkpoint and --model name two models"],
    [["report", "--html=x.html"], "report needs files and --html"],
    [["report", "none.json", "--html=x.html"], "cannot read none.json"],
    [["report", file, "--html=x.html"], "is no report of version 1"],
  ];
  test.each(refused)("%j is refused, and the message says what is wrong", async (args, message) => {
    await expect(createBenchCommand("dist").run(args)).rejects.toMatchObject({
      name: "ConfigurationError",
      message: expect.stringContaining(message as string) as string,
    });
  });
});
