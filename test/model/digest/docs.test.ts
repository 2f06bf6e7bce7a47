import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestLocalModel } from "../../../src/model/digest/model-digest.js";
import { copyCheckpoint } from "../../support/checkpoints.js";

const [, script = ""] =
  /^## Which model it is\n.*?^```sh\n(.*?)^```$/ms.exec(readFileSync("docs/model-sources.md", "utf8")) ?? [];

test("the line of shell in docs/model-sources.md prints the digest, with files of several blocks and none", async () => {
  const folder = await copyCheckpoint();
  await mkdir(join(folder, "additional_chat_templates"));
  await writeFile(join(folder, "additional_chat_templates", "rag.jinja"), "");
  await writeFile(join(folder, "vocab.json"), Buffer.alloc(2 ** 21 + 1, " "));
  await writeFile(join(folder, "optimizer.pt"), "no part of the model");
  const printed = execFileSync("bash", ["-c", script], { cwd: folder, encoding: "utf8" });
  expect(`sha256:${printed}`).toBe(`${await digestLocalModel(folder)}  -\n`);
});
