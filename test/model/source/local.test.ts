import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CheckpointError, ConfigurationError } from "../../../src/errors.js";
import { resolveLocalModel } from "../../../src/model/source/local.js";

const fixtures = resolve(import.meta.dirname, "../../fixtures");
const textGeneration = "module_id: f9181353-4ccf-4572-bd1e-f12bcda26792\nname: Text Generation\n";
const caikitConfig = `artifact_path: artifacts\n${textGeneration}`;

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ortler-local-"));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Writes files by their path under `root`; gives `root` itself. */
function tree(files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

describe("a model folder", () => {
  test("of Hugging Face is taken as it is, by its base name", async () => {
    const folder = join(fixtures, "micro-gpt2");
    expect(await resolveLocalModel(folder)).toEqual({ folder, name: "micro-gpt2", caikit: false });
    expect(await resolveLocalModel(relative(process.cwd(), folder) + "/")).toEqual({ folder, name: "micro-gpt2", caikit: false }); // prettier-ignore
  });

  test("of Caikit stands for its artifacts, and keeps its own name", async () => {
    const folder = join(fixtures, "micro-gpt2-caikit");
    expect(await resolveLocalModel(folder)).toEqual({ folder: join(folder, "artifacts"), name: "micro-gpt2-caikit", caikit: true }); // prettier-ignore
  });

  test("of Caikit may have other artifacts folders within, and the old block_id", async () => {
    const config = "artifact_path: a/b\nblock_id: f9181353-4ccf-4572-bd1e-f12bcda26792\n";
    const folder = tree({ "config.yml": config, "a/b/config.json": "{}" });
    expect(await resolveLocalModel(folder)).toMatchObject({ folder: join(folder, "a/b"), caikit: true });
  });

  test("with both config files is of Hugging Face: Caikit keeps config.json among the artifacts", async () => {
    const folder = tree({ "config.json": "{}", "config.yml": "anything" });
    expect(await resolveLocalModel(folder)).toMatchObject({ folder, caikit: false });
  });

  test("may be a link, as volumes of Kubernetes have them", async () => {
    tree({ "..data/model/config.yml": caikitConfig, "..data/model/artifacts/config.json": "{}" });
    symlinkSync("..data/model", join(root, "model"));
    expect(await resolveLocalModel(join(root, "model"))).toMatchObject({ name: "model", caikit: true });
  });
});

describe("a folder of models", () => {
  test.each([
    ["Hugging Face", { "gpt2/config.json": "{}" }, { folder: "gpt2", name: "gpt2", caikit: false }],
    [
      "Caikit",
      { "gen/config.yml": caikitConfig, "gen/artifacts/config.json": "{}" },
      { folder: "gen/artifacts", name: "gen", caikit: true },
    ],
  ])("stands for the only one in it, of %s", async (_name, files, expected) => {
    const others = {
      "notes.txt": "",
      "logs/config.txt": "",
      ".cache/config.json": "{}",
      "lost+found/config.json": "{}",
    };
    const folder = tree({ ...others, ...files });
    expect(await resolveLocalModel(folder)).toEqual({ ...expected, folder: join(folder, expected.folder) });
  });

  test("is refused with the list when there are several, whatever their kind", async () => {
    const folder = tree({ "b/config.json": "{}", "c/config.json": "{}", "a/config.yml": caikitConfig });
    await expect(resolveLocalModel(folder)).rejects.toThrow(
      new ConfigurationError(`model path ${folder} has 3 models, give the path of one: a, b, c`),
    );
  });

  test("is refused when there is none, one level deep", async () => {
    const folder = tree({ "deep/er/config.json": "{}" });
    await expect(resolveLocalModel(folder)).rejects.toThrow(
      new ConfigurationError(
        `model path ${folder} has no model: neither it nor a folder in it has config.json (Hugging Face) or config.yml (Caikit)`,
      ),
    );
  });
});

describe("a path that is no folder", () => {
  test("is refused when nothing is there", async () => {
    const missing = join(root, "missing");
    const refusal = new ConfigurationError(`model path ${missing} does not exist`);
    await expect(resolveLocalModel(missing)).rejects.toThrow(refusal);
  });

  test("is refused when it is a file", async () => {
    const file = join(tree({ "model.safetensors": "" }), "model.safetensors");
    const refusal = new ConfigurationError(`model path ${file} is a file; it must be a folder`);
    await expect(resolveLocalModel(file)).rejects.toThrow(refusal);
  });

  test("is refused when it cannot be read", async () => {
    const loop = join(root, "loop");
    symlinkSync(loop, loop);
    await expect(resolveLocalModel(loop)).rejects.toThrow(new ConfigurationError(`${loop} cannot be read (ELOOP)`));
  });
});

describe("a Caikit model that cannot be served", () => {
  test.each([
    [
      "prompt-tuned",
      "module_id: 6655831b-960a-4dc5-8df4-867026e2cd41\nname: Peft generation\n",
      " is of a prompt-tuned model (Peft generation), which cannot be served; serve its base model",
    ],
    [
      "of another module",
      "module_id: eeb12558-b4fa-4f34-a9fd-3f5890e9cd3f\nname: EmbeddingModule\n",
      " is of the Caikit module EmbeddingModule (eeb12558-b4fa-4f34-a9fd-3f5890e9cd3f); only text generation can be served",
    ],
    ["of no module", "artifact_path: artifacts\n", " has no module_id"],
    ["without artifacts", textGeneration, " has no artifact_path"],
    [
      "saved for a remote server",
      `model_name: gpt2\n${textGeneration}`,
      " has no artifact_path: it was saved without weights, for a server of gpt2",
    ],
    ["with missing artifacts", `artifact_path: gone\n${textGeneration}`, ": artifact_path gone is not a folder"],
    [
      "with a file for artifacts",
      `artifact_path: config.yml\n${textGeneration}`,
      ": artifact_path config.yml is not a folder",
    ],
    [
      "with artifacts above it",
      `artifact_path: ..\n${textGeneration}`,
      ": artifact_path .. leads out of the model's folder",
    ],
    [
      "with artifacts beside it",
      `artifact_path: ../model-b\n${textGeneration}`,
      ": artifact_path ../model-b leads out of the model's folder",
    ],
    [
      "with artifacts anywhere",
      `artifact_path: /\n${textGeneration}`,
      ": artifact_path / leads out of the model's folder",
    ],
    [
      "with artifacts behind a link",
      `artifact_path: link\n${textGeneration}`,
      ": artifact_path link leads out of the model's folder",
    ],
    ["that cannot be parsed", "module_id: [f9181353]\n", ": line 1: module_id must be a text on one line"],
  ])("is refused: %s", async (_name, config, expected) => {
    const folder = join(tree({ "model/config.yml": config, "model-b/config.json": "{}" }), "model");
    symlinkSync("../model-b", join(folder, "link"));
    await expect(resolveLocalModel(folder)).rejects.toThrow(
      new CheckpointError(`${join(folder, "config.yml")}${expected}`),
    );
  });
});
