import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ConfigurationError } from "../../../../src/errors.js";
import { resolveLocalModel } from "../../../../src/model/source/local.js";
import { temporaryFolder } from "../../../support/checkpoints.js";

/** Empty files in a new folder. */
async function tree(...files: string[]): Promise<string> {
  const folder = await temporaryFolder();
  for (const file of files) {
    await mkdir(join(folder, file, ".."), { recursive: true });
    await writeFile(join(folder, file), "");
  }
  return folder;
}

test("a GGUF file is a model under its own name", async () => {
  const file = join(await tree("gpt2.Q8_0.gguf"), "gpt2.Q8_0.gguf");
  expect(await resolveLocalModel(file)).toEqual({ folder: file, name: "gpt2.Q8_0", caikit: false });
});

test("a folder with one GGUF file stands for it, under the folder's name", async () => {
  const folder = await tree("small/model.gguf", "small/README.md");
  const expected = { folder: join(folder, "small/model.gguf"), name: "small", caikit: false };
  expect(await resolveLocalModel(join(folder, "small"))).toEqual(expected);
  expect(await resolveLocalModel(folder)).toEqual(expected);
});

test("a folder with config.json is a Hugging Face checkpoint, whatever GGUF files are beside it", async () => {
  const folder = await tree("config.json", "model.gguf");
  expect(await resolveLocalModel(folder)).toMatchObject({ folder });
});

test("a folder with several GGUF files is refused with the list", async () => {
  const folder = await tree("gpt2.Q8_0.gguf", "gpt2.F16.gguf");
  await expect(resolveLocalModel(folder)).rejects.toThrow(
    new ConfigurationError(
      `model path ${folder} has 2 GGUF files, give the path of one: gpt2.F16.gguf, gpt2.Q8_0.gguf`,
    ),
  );
});
