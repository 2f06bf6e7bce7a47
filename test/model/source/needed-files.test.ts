import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { checkListing } from "../../../src/model/source/listing.js";
import { resolveLocalModel } from "../../../src/model/source/local.js";
import { selectFiles } from "../../../src/model/source/needed-files.js";
import { temporaryFolder } from "../../support/checkpoints.js";

const uri = "s3://models/gpt2/";

/** What is chosen, as a caller does it that reads `contents`: small files | weights. */
function select(paths: readonly string[], contents: Readonly<Record<string, string>> = {}): string {
  const listing = checkListing(
    uri,
    paths.map((path) => ({ path, byteLength: 1, version: "v1" })),
  );
  const texts = new Map<string, string>();
  for (;;) {
    const selected = selectFiles(listing, texts);
    if (!("wanted" in selected)) {
      return [selected.small, selected.weights].map((files) => files.map(({ path }) => path).join(" ")).join(" | ");
    }
    texts.set(selected.wanted.path, contents[selected.wanted.path] ?? "");
  }
}

const index = JSON.stringify({
  weight_map: { b: "model-2.safetensors", a: "model-1.safetensors", c: "model-2.safetensors" },
});
const caikitModule = "module_id: f9181353-4ccf-4572-bd1e-f12bcda26792\n";
const caikit = `${caikitModule}artifact_path: artifacts\n`;

const selections: [name: string, paths: string[], contents: Record<string, string>, selected: string][] = [
  [
    "everything that a checkpoint may have, and no leftovers",
    ["merges.txt", "vocab.json", "tokenizer.json", "model.safetensors", "config.json", "optimizer.pt", "tf_model.h5"]
      .concat(["generation_config.json", "special_tokens_map.json", "tokenizer_config.json", "added_tokens.json"])
      .concat(["chat_template.jinja", "additional_chat_templates/rag.jinja", "onnx/model.onnx", "training_args.bin"])
      .concat(["flax_model.msgpack", "pytorch_model.bin", "model.fp16.safetensors", "checkpoint-10/model.safetensors"]),
    {},
    "config.json generation_config.json tokenizer.json tokenizer_config.json special_tokens_map.json " +
      "added_tokens.json vocab.json merges.txt chat_template.jinja additional_chat_templates/rag.jinja | model.safetensors",
  ],
  [
    "the shards that the index names, each once",
    [
      "config.json",
      "model.safetensors.index.json",
      "model-1.safetensors",
      "model-2.safetensors",
      "model-3.safetensors",
    ],
    { "model.safetensors.index.json": index },
    "config.json model.safetensors.index.json | model-1.safetensors model-2.safetensors",
  ],
  [
    "PyTorch's file where there is no other",
    ["config.json", "pytorch_model.bin"],
    {},
    "config.json | pytorch_model.bin",
  ],
  [
    "safetensors shards rather than PyTorch's file",
    ["config.json", "pytorch_model.bin", "model.safetensors.index.json", "model-1.safetensors", "model-2.safetensors"],
    { "model.safetensors.index.json": index },
    "config.json model.safetensors.index.json | model-1.safetensors model-2.safetensors",
  ],
  ["one GGUF file", ["README.md", "gpt2.Q8_0.gguf"], {}, " | gpt2.Q8_0.gguf"],
  ["a GGUF file alone where config.json is missing", ["a.gguf", "model.safetensors"], {}, " | a.gguf"],
  [
    "the weights that go with config.json, not a GGUF file beside them",
    ["a.gguf", "b.gguf", "config.json", "model.safetensors"],
    {},
    "config.json | model.safetensors",
  ],
  [
    "no model of a hidden folder",
    [".cache/config.json", "lost+found/a.gguf", "gpt2/config.json", "gpt2/model.safetensors"],
    {},
    "gpt2/config.json | gpt2/model.safetensors",
  ],
  [
    "a Caikit model with the artifacts that its config names",
    ["config.yml", "artifacts/config.json", "artifacts/model.safetensors", "other/model.safetensors"],
    { "config.yml": caikit },
    "config.yml artifacts/config.json | artifacts/model.safetensors",
  ],
  [
    "a Caikit model whose artifacts are in shards",
    ["config.yml", "artifacts/config.json", "artifacts/model.safetensors.index.json"].concat([
      "artifacts/model-1.safetensors",
      "artifacts/model-2.safetensors",
    ]),
    { "config.yml": caikit, "artifacts/model.safetensors.index.json": index },
    "config.yml artifacts/config.json artifacts/model.safetensors.index.json | " +
      "artifacts/model-1.safetensors artifacts/model-2.safetensors",
  ],
  [
    "the one model in a folder",
    ["gpt2/config.json", "gpt2/model.safetensors", "notes/a.txt"],
    {},
    "gpt2/config.json | gpt2/model.safetensors",
  ],
];
test.each(selections)("chooses %s", (_, paths, contents, selected) => {
  expect(select(paths, contents)).toBe(selected);
});

test.each(selections)(
  "chooses in the folder where the local reader looks: %s",
  async (_, paths, contents, selected) => {
    const folder = await temporaryFolder();
    for (const path of paths) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), contents[path] ?? "");
    }
    const { folder: found } = await resolveLocalModel(folder);
    const [weights = ""] = selected.split("| ").at(-1)?.split(" ") ?? [];
    const inFolder = found.endsWith(".gguf") ? weights : dirname(weights);
    expect(found).toBe(join(folder, inFolder));
  },
);

const refusals: [name: string, paths: string[], contents: Record<string, string>, message: RegExp][] = [
  ["an empty prefix", [], {}, /s3:\/\/models\/gpt2\/ has no files: is the name right/],
  [
    "a folder without a model",
    ["README.md", "a/b.txt"],
    {},
    /has no model: neither it nor .*; found README.md, a\/b.txt$/,
  ],
  ["several models", ["b/config.json", "a/config.yml"], {}, /has 2 models, give the URI of one: a, b$/],
  ["several GGUF files", ["a.gguf", "b.gguf"], {}, /has 2 GGUF files, .*: a.gguf, b.gguf$/],
  ["no weights", ["config.json", "rust_model.ot"], {}, /there are no weights .*; found config.json, rust_model.ot$/],
  ["a GGUF file beside a config.json without weights", ["config.json", "a.gguf"], {}, /there are no weights .*; found/],
  [
    "a Caikit model for something else than text generation",
    ["config.yml", "artifacts/config.json", "artifacts/model.safetensors"],
    { "config.yml": "artifact_path: artifacts\nmodule_id: 6655831b-960a-4dc5-8df4-867026e2cd41" },
    /config.yml is of a prompt-tuned model/,
  ],
  [
    "artifacts that are no checkpoint",
    ["config.yml", "artifacts/a.gguf"],
    { "config.yml": caikit },
    /config.yml: its artifacts artifacts\/ have no config.json$/,
  ],
  [
    "a shard in a folder of its own",
    ["config.json", "model.safetensors.index.json", "shards/a.safetensors"],
    { "model.safetensors.index.json": '{"weight_map": {"a": "shards/a.safetensors"}}' },
    /names the shard shards\/a.safetensors, which is not there$/,
  ],
  [
    "a shard that is not there",
    ["config.json", "model.safetensors.index.json", "model-1.safetensors"],
    { "model.safetensors.index.json": index },
    /model.safetensors.index.json names the shard model-2.safetensors, which is not there$/,
  ],
  [
    "a shard outside the folder",
    ["config.json", "model.safetensors.index.json"],
    { "model.safetensors.index.json": '{"weight_map": {"a": "../../x.safetensors"}}' },
    /names the shard ..\/..\/x.safetensors, which is not there$/,
  ],
  [
    "an index that is no index",
    ["config.json", "model.safetensors.index.json"],
    { "model.safetensors.index.json": "[]" },
    /model.safetensors.index.json: expected a JSON object/,
  ],
  [
    "artifacts outside the folder",
    ["config.yml"],
    { "config.yml": `${caikitModule}artifact_path: ../x` },
    /..\/x leads out of the model/,
  ],
  [
    "absolute artifacts",
    ["config.yml"],
    { "config.yml": `${caikitModule}artifact_path: /x` },
    /\/x leads out of the model/,
  ],
];
test.each(refusals)("refuses %s", (_, paths, contents, message) => {
  expect(() => select(paths, contents)).toThrow(message);
});
