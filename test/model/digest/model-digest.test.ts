import { createHash } from "node:crypto";
import { appendFile, cp, mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CheckpointError, ConfigurationError } from "../../../src/errors.js";
import { modelDigest } from "../../../src/model/digest/combine.js";
import { digestLocalModel, ModelDigest, openModelDigest } from "../../../src/model/digest/model-digest.js";
import { listLocalFiles } from "../../../src/model/digest/local-files.js";
import { copyCheckpoint, fixture, temporaryFolder } from "../../support/checkpoints.js";

/** What the line of shell in docs/model-sources.md prints. */
const micro = "sha256:643443b95a6daacaa7944e01a3724c818f1f486498903d1385c5529b161bec73";
const sharded = "sha256:b1cfedec7de82d7b989aca1f6c17ed8ef35dc7127bb4f2b969b69e41c024553c";
const other = `sha256:${"0".repeat(64)}`;
const never = new AbortController().signal;

const sha256 = (data: string | Uint8Array): Buffer => createHash("sha256").update(data).digest();

describe("the digest of a model's files", () => {
  test("is what coreutils and openssl make of them, for weights in one file and in shards", async () => {
    const digests = [
      await digestLocalModel(fixture("micro-gpt2")),
      await digestLocalModel(fixture("micro-gpt2-sharded")),
    ];
    expect(digests).toEqual([micro, sharded]);
  });

  test("is the same in another folder, at another time, in a Caikit model and in a folder around the model", async () => {
    const around = await temporaryFolder();
    const copy = join(around, "renamed");
    await cp(fixture("micro-gpt2"), copy, { recursive: true });
    await utimes(join(copy, "config.json"), 1, 1);
    await writeFile(join(copy, "optimizer.pt"), "no part of the model");
    const models = [copy, around, fixture("micro-gpt2-caikit")];
    expect(await Promise.all(models.map(digestLocalModel))).toEqual([micro, micro, micro]);
  });

  test.each(["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"])(
    "is another one when a byte of %s is added",
    async (file) => {
      const folder = await copyCheckpoint();
      await appendFile(join(folder, file), " ");
      expect(await digestLocalModel(folder)).not.toBe(micro);
    },
  );

  test("is another one with a chat template beside the others, and the same through links", async () => {
    const folder = await copyCheckpoint();
    await mkdir(join(folder, "additional_chat_templates"));
    await writeFile(join(folder, "additional_chat_templates", "rag.jinja"), "{{ messages }}");
    const digest = await digestLocalModel(folder);
    const links = await temporaryFolder();
    for (const name of await readdir(folder)) await symlink(join(folder, name), join(links, name));
    expect(digest).not.toBe(micro);
    expect(await digestLocalModel(links)).toBe(digest);
  });

  test("of a GGUF file is taken over that file alone, from its folder or from a store", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "gpt2.gguf"), "GGUF");
    await writeFile(join(folder, "vocab.json"), "{}");
    const file = `sha256:${sha256(sha256("GGUF")).toString("hex")}`; // one block
    const expected = `sha256:${sha256(`${file} gpt2.gguf\n`).toString("hex")}`;
    expect(await digestLocalModel(folder)).toBe(expected);
    expect(await digestLocalModel(join(folder, "gpt2.gguf"))).toBe(expected);
    const fetched = [
      { path: "quantised/vocab.json", digest: other },
      { path: "quantised/gpt2.gguf", digest: file },
    ];
    expect(modelDigest(fetched)).toBe(expected);
  });

  test("does not depend on the order of the files, nor on the folder that a store has them in", () => {
    const files = ["config.json", "model.safetensors", "additional_chat_templates/config.json"].map((path) => ({
      path,
      digest: `sha256:${sha256(path).toString("hex")}`,
    }));
    const digest = modelDigest(files);
    const fetched = files.map((file) => ({ ...file, path: `artifacts/${file.path}` }));
    expect(modelDigest(files.toReversed())).toBe(digest);
    expect(modelDigest([...fetched, { path: "config.yml", digest: other }])).toBe(digest);
    expect(modelDigest(files.slice(1))).not.toBe(digest);
  });
});

describe("an expected digest", () => {
  test("is known when it is the model's", async () => {
    const digest = await openModelDigest({ model: fixture("micro-gpt2"), expected: micro });
    expect(digest.value).toBe(micro);
  });

  test("refuses another model, with both digests", async () => {
    const opening = openModelDigest({ model: fixture("micro-gpt2"), expected: other });
    await expect(opening).rejects.toThrow(
      new ConfigurationError(
        `the model in ${fixture("micro-gpt2")} has the digest ${micro}, and --model-digest asks for ${other}`,
      ),
    );
  });

  test("is compared with that of a fetched model, whose files are not read", async () => {
    const model = join(await temporaryFolder(), "none");
    expect((await openModelDigest({ model, known: micro, expected: micro })).value).toBe(micro);
    await expect(openModelDigest({ model, known: micro, expected: other })).rejects.toThrow(ConfigurationError);
  });

  test("refuses a model without weights", async () => {
    const folder = await copyCheckpoint();
    await rm(join(folder, "model.safetensors"));
    await expect(openModelDigest({ model: folder, expected: micro })).rejects.toThrow(/there are no weights/);
  });
});

describe("a digest that is read later", () => {
  test("is that of the files that were there when it was opened, and known from then on", async () => {
    const digest = await openModelDigest({ model: fixture("micro-gpt2") });
    expect(digest.value).toBeUndefined();
    expect(await digest.read(never)).toBe(micro);
    expect(digest.value).toBe(micro);
  });

  test("stays unknown when a file was replaced by one of the same length in the meantime", async () => {
    const folder = await copyCheckpoint();
    const files = await listLocalFiles(folder);
    const digest = new ModelDigest(Promise.resolve(files));
    const weights = join(folder, "model.safetensors");
    await writeFile(join(folder, "new"), await readFile(weights));
    await rename(join(folder, "new"), weights);
    await expect(digest.read(never)).rejects.toThrow(
      new CheckpointError(`${weights} was changed meanwhile: the digest of what was loaded is not known`),
    );
    expect(digest.value).toBeUndefined();
  });

  test("is given up when the model is released", async () => {
    const digest = await openModelDigest({ model: fixture("micro-gpt2") });
    await expect(digest.read(AbortSignal.abort())).rejects.toThrow(/abort/);
  });

  test("says what is wrong with the folder when it is read, and not before", async () => {
    const model = join(await temporaryFolder(), "none");
    const digest = await openModelDigest({ model });
    await expect(digest.read(never)).rejects.toThrow(new ConfigurationError(`model path ${model} does not exist`));
  });
});
