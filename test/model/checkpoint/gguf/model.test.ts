import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { SessionRunner } from "../../../../src/engine/runner/session-runner.js";
import { loadModel, type LoadOptions, type Model } from "../../../../src/model/index.js";
import {
  copyCheckpoint,
  entryOf,
  fixture,
  readSafetensorsFile,
  safetensors,
  setFields,
  temporaryFolder,
} from "../../../support/checkpoints.js";
import { convertToGguf, roundWeights, type ConvertOptions } from "../../../support/gguf-gpt2.js";
import { completeReferences } from "../../../support/reference.js";
import { areSameBits, decode, distance, prefill } from "../../../support/runners.js";

const options = { threads: 2, isSpinning: false };

/** A fixture as the one file of a folder. */
async function ggufFile(name: string, converted: ConvertOptions = {}): Promise<string> {
  const path = join(await temporaryFolder(), "small", "model.gguf");
  await mkdir(dirname(path));
  await writeFile(path, await convertToGguf(fixture(name), converted));
  return path;
}

/** The logits after each prompt of micro-gpt2's reference, and after one more token. */
async function logitsOf(folder: string, others: Partial<LoadOptions> = {}): Promise<Float32Array[]> {
  using model = await loadModel({ folder, ...options, ...others });
  using runner = runnerOf(model);
  const logits: Float32Array[] = [];
  for (const { input_ids: ids } of completeReferences(fixture("micro-gpt2/reference.json"))) {
    logits.push(await prefill(runner, 0, ids));
    logits.push(...(await decode(runner, [{ tokenId: 7, position: ids.length }])));
  }
  return logits;
}

function runnerOf({ session, shape, kvDtype }: Model): SessionRunner {
  const { positions } = shape;
  return new SessionRunner(session, shape, { slots: 1, maxLength: positions, maxPrefillTokens: positions, kvDtype });
}

function expectSameBits(a: readonly Float32Array[], b: readonly Float32Array[]): void {
  expect(a.length).toBeGreaterThan(10);
  expect(a.map((row, index) => areSameBits(row, b[index] ?? new Float32Array()))).toEqual(a.map(() => true));
}

test.for([2, 3])("version %i is read", async (version) => {
  using model = await loadModel({ folder: await ggufFile("micro-gpt2", { version }), ...options });
  expect(model).toMatchObject({ id: "model", architecture: "gpt2", dtype: "float32" });
  expect(model.shape).toEqual({ layers: 3, kvHeads: 4, headDim: 16, vocabularySize: 600, positions: 96 });
});

test("GPT-2's own vocabulary in F16 has the logits of the reference", async () => {
  using model = await loadModel({ folder: await ggufFile("gpt2-vocab", { type: "F16" }), ...options });
  using runner = runnerOf(model);
  const differences: number[] = [];
  for (const { prompt, last_logits_top20: best } of completeReferences(fixture("gpt2-vocab/reference.json"))) {
    const logits = await prefill(runner, 0, model.tokenizer.encode(prompt));
    differences.push(
      distance(
        best.map(([id]) => logits[id] ?? NaN),
        best.map(([, logit]) => logit),
      ),
    );
  }
  expect(differences.length).toBeGreaterThan(5);
  expect(Math.max(...differences)).toBeLessThan(1e-4);
});

describe("a GGUF file in F32", () => {
  test("has the logits and the greedy tokens of the reference", async () => {
    using model = await loadModel({ folder: await ggufFile("micro-gpt2"), ...options });
    using runner = runnerOf(model);
    const differences: number[] = [];
    for (const { prompt, input_ids: ids, last_logits_top20: best, greedy } of completeReferences(
      fixture("micro-gpt2/reference.json"),
    )) {
      expect(model.tokenizer.encode(prompt)).toEqual(ids);
      let logits = await prefill(runner, 0, ids);
      differences.push(
        distance(
          best.map(([id]) => logits[id] ?? NaN),
          best.map(([, logit]) => logit),
        ),
      );
      const greedyIds: number[] = [];
      while (greedyIds.length < greedy.ids.length) {
        const tokenId = logits.indexOf(Math.max(...logits));
        const position = ids.length + greedyIds.length;
        greedyIds.push(tokenId);
        if (position === model.shape.positions) break;
        [logits = new Float32Array()] = await decode(runner, [{ tokenId, position }]);
      }
      expect(greedyIds).toEqual(greedy.ids);
    }
    expect(differences.length).toBeGreaterThan(5);
    expect(Math.max(...differences)).toBeLessThan(1e-4);
  });

  test("gives the very bits of the same weights in safetensors, which are not transposed", async () => {
    expectSameBits(await logitsOf(await ggufFile("micro-gpt2")), await logitsOf(fixture("micro-gpt2")));
  });
});

test.for(["F16", "BF16"] as const)("a GGUF file in %s gives the bits of safetensors in that type", async (type) => {
  const name = type === "F16" ? "micro-gpt2-f16" : "micro-gpt2-bf16";
  expectSameBits(await logitsOf(await ggufFile(name, { type })), await logitsOf(fixture(name)));
});

describe.for([
  ["Q8_0", { type: "Q8_0" }],
  ["Q4_0", { type: "Q4_0" }],
  ["Q4_0 beside Q6_K", { type: "Q4_0", types: { "blk.1.ffn_down.weight": "Q6_K" } }],
] satisfies [string, ConvertOptions][])("a GGUF file in %s", ([types, converted]) => {
  test("is served as the float32 numbers that it stands for", async () => {
    const rounded = await copyCheckpoint("micro-gpt2");
    await roundWeights(rounded, converted);
    const file = await ggufFile("micro-gpt2", converted);
    expectSameBits(await logitsOf(file), await logitsOf(rounded));
    expect(distance((await logitsOf(rounded))[0] ?? [], (await logitsOf(fixture("micro-gpt2")))[0] ?? [])).not.toBe(0);
  });

  test("says what was widened", async () => {
    using model = await loadModel({ folder: await ggufFile("micro-gpt2", converted), ...options });
    const count = 3 * 4 + 1;
    expect(model.precisionReason).toBe(
      `as asked; ${count} tensors in ${types.replace("beside", "and")} widened to float32`,
    );
  });
});

test("a GGUF file without blocks is not widened, and its log says nothing of it", async () => {
  using model = await loadModel({ folder: await ggufFile("micro-gpt2", { type: "F16" }), ...options });
  expect(model.precisionReason).toBe("as asked");
});

test("widened numbers stay in the cache of weights, and later starts take them from there", async () => {
  const file = await ggufFile("micro-gpt2", { type: "Q8_0" });
  const weightsCache = await temporaryFolder();
  const first = await logitsOf(file, { weightsCache });
  const written = await readdir(weightsCache);
  expect(written).toEqual([expect.stringMatching(/^widened-[0-9a-f]+\.safetensors$/)]);
  const changedAt = (await stat(join(weightsCache, written[0] ?? ""))).mtimeMs;
  expectSameBits(await logitsOf(file, { weightsCache }), first);
  expect((await stat(join(weightsCache, written[0] ?? ""))).mtimeMs).toBe(changedAt);
});

test("without a cache nothing of the widened numbers is left behind", async () => {
  const file = await ggufFile("micro-gpt2", { type: "Q4_0" });
  const temporary = await temporaryFolder();
  vi.stubEnv("TMPDIR", temporary);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  await logitsOf(file);
  expect(await readdir(temporary)).toEqual([]);
});

test("a GGUF file runs in int8 like the same weights in safetensors", async () => {
  const precision = { dtype: "int8-block" } as const;
  expectSameBits(
    await logitsOf(await ggufFile("micro-gpt2"), precision),
    await logitsOf(fixture("micro-gpt2"), precision),
  );
});

/** micro-gpt2 with a stored head: the token embedding times a factor. */
async function withHead(factor: number): Promise<string> {
  const folder = await copyCheckpoint("micro-gpt2");
  const path = join(folder, "model.safetensors");
  const { header, data } = await readSafetensorsFile(path);
  const { shape, data_offsets: offsets } = entryOf(header, "transformer.wte.weight");
  const embedding = new Float32Array(Uint8Array.from(data.subarray(...offsets)).buffer);
  header["lm_head.weight"] = { dtype: "F32", shape, data_offsets: [data.length, data.length + embedding.byteLength] };
  const head = new Uint8Array(embedding.map((value) => value * factor).buffer);
  await writeFile(path, safetensors(header, Buffer.concat([data, head])));
  await setFields(folder, "config.json", { tie_word_embeddings: false });
  await writeFile(join(folder, "model.gguf"), await convertToGguf(folder));
  return folder;
}

describe("a GGUF file with a head", () => {
  test("is served with it", async () => {
    const folder = await withHead(2);
    const logits = await logitsOf(join(folder, "model.gguf"));
    expectSameBits(logits, await logitsOf(folder));
    expectSameBits(
      logits,
      (await logitsOf(fixture("micro-gpt2"))).map((row) => row.map((logit) => 2 * logit)),
    );
  });

  test("that is the token embedding once more, as older converters wrote it, gives the bits of a tied one", async () => {
    const folder = await withHead(1);
    expectSameBits(await logitsOf(join(folder, "model.gguf")), await logitsOf(fixture("micro-gpt2")));
  });
});

test("the tokens that end a completion are the file's", async () => {
  const metadata = { "tokenizer.ggml.eos_token_id": ["u32", 5], "tokenizer.ggml.eot_token_id": ["u32", 6] } as const;
  using model = await loadModel({ folder: await ggufFile("micro-gpt2", { metadata }), ...options });
  expect(model.eosTokenIds).toEqual([5, 6]);
});
