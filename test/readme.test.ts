/** What the README tells a newcomer to type, typed. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startService, type Service } from "../src/assemble.js";
import { loadOptions } from "../src/config/load.js";
import { settings } from "../src/config/settings.js";
import { createLogger } from "../src/telemetry/log.js";
import { RawClient } from "./support/grpc.js";
import { grpcurl } from "./support/grpcurl.js";

const readme = readFileSync("README.md", "utf8");
/** Command lines of the README's shell blocks, continued lines joined, as words. */
const commands = Array.from(readme.matchAll(/```sh\n([\s\S]*?)```/g), ([, block = ""]) => block)
  .flatMap((block) => block.replaceAll("\\\n", " ").split("\n"))
  .filter((line) => line.trim() !== "")
  .map((line) => Array.from(line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g), ([, a, b, c]) => a ?? b ?? c ?? ""));
const linesOf = (program: string): string[][] => commands.filter(([first]) => first === program);
const valueOf = (words: readonly string[], flag: string): string | undefined => words[words.indexOf(flag) + 1];

/** The README's ports, by the name of the port that answers here. */
const ports = { "localhost:8085": "grpc", "localhost:8080": "http", "localhost:3000": "health" } as const;

let service: Service;
beforeAll(async () => {
  const args = ["--host=127.0.0.1", ...["grpc", "tgis", "http", "health"].map((name) => `--${name}-port=0`)];
  const log = createLogger({ level: "off", format: "json" });
  service = await startService(loadOptions({ table: settings, args }).values, log);
});
afterAll(() => service.drain(0));

test("the README has the lines that this file runs", () => {
  expect([linesOf("grpcurl").length, linesOf("curl").length]).toEqual([2, 4]);
});

test.for(linesOf("grpcurl"))("grpcurl line %#", async (words) => {
  const client = new RawClient(service.ports[ports["localhost:8085"]] ?? 0);
  expect(words).toContain("localhost:8085");
  const symbol = words.at(-1) ?? "";
  const messages = await grpcurl(client, symbol, JSON.parse(valueOf(words, "-d") ?? "") as Record<string, string>);
  client.close();
  const text = messages.map(({ generated_text: part }) => (typeof part === "string" ? part : "")).join("");
  expect(text).toMatch(/[a-z]{2,} [a-z]{2,}/);
});

test.for(linesOf("curl"))("curl line %#", async (words) => {
  const address = words[1] ?? "";
  const [host = ""] = address.split("/");
  const name = Object.entries(ports).find(([known]) => known === host)?.[1] ?? "";
  const url = `http://127.0.0.1:${service.ports[name]}${address.slice(host.length)}`;
  const body = words.includes("-d") ? valueOf(words, "-d") : undefined;
  const [header = "", value = ""] = (valueOf(words, "-H") ?? "accept: */*").split(": ");
  const response = await fetch(url, {
    headers: { [header]: value },
    ...(body !== undefined && { method: "POST", body }),
  });
  expect(response.status).toBe(200);
  expect(await response.text()).toMatch(body === undefined ? /^ortler_slots \d+$/m : /[a-z]{2,} [a-z]{2,}/);
});
