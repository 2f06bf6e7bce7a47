import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { ServerProcess } from "../../bench/server-process.js";
import { temporaryFolder } from "../support/checkpoints.js";

/** A folder with a program in the server's place. */
async function programs(text: string): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, "cli.js"), text);
  return folder;
}

test("a server that never becomes ready ends with the signal", async () => {
  const ending = new AbortController();
  const starting = ServerProcess.start({
    args: [],
    programs: await programs("setInterval(() => {}, 1000);"),
    signal: ending.signal,
  });
  ending.abort();
  await expect(starting).rejects.toThrow("the server ended before it was ready");
});

test("no server starts after its signal", async () => {
  const given = { args: [], programs: await programs("setInterval(() => {}, 1000);"), signal: AbortSignal.abort() };
  await expect(ServerProcess.start(given)).rejects.toThrow("aborted");
});

test("a server that prints something else than its ready line is ended", async () => {
  const pidFile = path.join(await temporaryFolder(), "pid");
  const program = `
    require("node:fs").writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
    console.log("no JSON");
    setInterval(() => {}, 1000);`;
  await expect(ServerProcess.start({ args: [], programs: await programs(program) })).rejects.toThrow(SyntaxError);
  const pid = Number(await readFile(pidFile, "utf8"));
  await expect.poll(() => isAlive(pid)).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
