import { mkdtempSync, rmSync } from "node:fs";
import { access } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { PeerFolder } from "../../../bench/peers/install.js";

const folder = mkdtempSync(path.join(tmpdir(), "peers-"));
afterAll(() => rmSync(folder, { recursive: true }));

const peers = new PeerFolder(folder, false, () => undefined);

test("programs are copied beside the packages that they import", async () => {
  await peers.prepare();
  await expect(access(peers.program("llama-cpp.js"))).resolves.toBeUndefined();
  await expect(access(path.join(folder, "package.json"))).resolves.toBeUndefined();
});

test.each([
  ["node", "node is not installed"],
  ["ctranslate2", "torch is not installed"], // its converter stands on transformers, which stands on torch
] as const)("without leave to install, %s is left out with the reason: %s", async (part, reason) => {
  await peers.prepare();
  await expect(peers.require(part)).rejects.toMatchObject({ name: "PeerError", message: reason });
});
