/** Models loaded in small precisions: what stays on disk and in memory, and what is lost. */
import { readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { SessionRunner } from "../../../src/engine/runner/session-runner.js";
import { CheckpointError, ConfigurationError } from "../../../src/errors.js";
import { loadModel, type LoadOptions, type Model } from "../../../src/model/index.js";
import { liveTensors } from "../../../src/ort/index.js";
import { copyCheckpoint, fixture, temporaryFolder } from "../../support/checkpoints.js";
import { areSameBits } from "../../support/runners.js";

const micro = fixture("micro-gpt2");
const load = (options: Partial<LoadOptions>): Promise<Model> =>
  loadModel({ folder: micro, threads: 2, isSpinning: false, ...options });

/** Logits [tokens][vocabulary] after each of the tokens. */
async function logitsOf({ session, shape, kvDtype }: Model, tokenIds: readonly number[]): Promise<Float32Array[]> {
  const sizes = { slots: 1, maxLength: shape.positions, maxPrefillTokens: shape.positions };
  using runner = new SessionRunner(session, shape, { ...sizes, kvDtype });
  const run = { slot: 0, tokenIds, start: 0, end: tokenIds.length, wanted: "all" } as const;
  const result = await runner.prefill(run);
  return tokenIds.map((_, row) => result.logits(row).slice());
}

async function lastLogits(options: Partial<LoadOptions>): Promise<Float32Array> {
  using model = await load(options);
  const rows = await logitsOf(model, [5, 6, 7, 8, 9]);
  return rows.at(-1) ?? new Float32Array();
}

describe("a model says what it runs in", () => {
  test("float32 is the default, int8 brings an int8 cache, and both can be asked for", async () => {
    const facts = async (options: Partial<LoadOptions>): Promise<unknown[]> => {
      using model = await load(options);
      return [model.dtype, model.kvDtype, model.isExactInAnyOrder, model.weightBytes];
    };
    // Vectors: 3 x (4 x 64 + 192 + 64 + 256 + 64) + 2 x 64; factors: 3 x 64 x (192 + 64 + 2 x 256) + 600 x 64.
    const [vectors, factors, outputs] = [4 * 2624, 185_856, 3 * 576 + 600];
    expect(await facts({})).toEqual(["float32", "float32", false, vectors + 4 * factors]);
    expect(await facts({ dtype: "int8" })).toEqual(["int8", "int8", true, vectors + factors + 4 * outputs]);
    expect(await facts({ dtype: "int4", kvDtype: "float32" })).toEqual([
      ...["int4", "float32", false],
      vectors + factors / 2 + factors / 8,
    ]);
  });
});

describe("the cache of quantised weights", () => {
  test("serves later starts with the same bits, and what is made without one is the same", async () => {
    const weightsCache = join(await temporaryFolder(), "new", "folder");
    const first = await lastLogits({ dtype: "int8", weightsCache });
    const files = await readdir(weightsCache);
    const times = await Promise.all(files.map(async (file) => (await stat(join(weightsCache, file))).mtimeMs));
    const second = await lastLogits({ dtype: "int8", weightsCache });
    const timesAfter = await Promise.all(files.map(async (file) => (await stat(join(weightsCache, file))).mtimeMs));
    expect(files.toSorted()).toEqual([
      expect.stringMatching(/^[0-9a-f]{32}-kv2\.safetensors$/),
      expect.stringMatching(/^[0-9a-f]{32}\.safetensors$/),
    ]);
    expect([timesAfter, areSameBits(first, second)]).toEqual([times, true]);
    expect(areSameBits(await lastLogits({ dtype: "int8" }), first)).toBe(true);
  });

  test("keeps a file for each precision and each state of the checkpoint", async () => {
    const [folder, weightsCache] = [await copyCheckpoint(), await temporaryFolder()];
    const files = async (): Promise<number> => (await readdir(weightsCache)).length;
    for (const dtype of ["int8", "int4"] as const)
      await lastLogits({ folder, dtype, kvDtype: "float32", weightsCache });
    expect(await files()).toBe(2);
    const weights = join(folder, "model.safetensors");
    const bytes = await readFile(weights);
    bytes.writeFloatLE(0.25, bytes.length - 4096); // within a tensor, where no sample is taken
    await writeFile(weights, bytes);
    await utimes(weights, 1_000_000_000, 1_000_000_000);
    await lastLogits({ folder, dtype: "int8", kvDtype: "float32", weightsCache });
    expect(await files()).toBe(3);
  });

  test.for([
    ["cut off", (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ["changed in one bit", (bytes: Buffer) => bytes.fill((bytes[9000] ?? 0) ^ 1, 9000, 9001)],
    ["emptied", () => Buffer.alloc(0)],
  ] as const)("makes a file that was %s again", async ([, damage]) => {
    const weightsCache = await temporaryFolder();
    const options = { dtype: "int8", kvDtype: "float32", weightsCache } as const;
    const expected = await lastLogits(options);
    const [file = ""] = await readdir(weightsCache);
    const whole = await readFile(join(weightsCache, file));
    await writeFile(join(weightsCache, file), damage(Buffer.from(whole)));
    expect(areSameBits(await lastLogits(options), expected)).toBe(true);
    expect(await readFile(join(weightsCache, file))).toEqual(whole);
  });

  test("does not keep KV scales of weights that were damaged", async () => {
    const weightsCache = await temporaryFolder();
    const options = { dtype: "int8", weightsCache } as const;
    const expected = await lastLogits(options);
    const [scales = "", weights = ""] = (await readdir(weightsCache)).toSorted(); // `-` sorts before `.`
    const whole = await Promise.all([scales, weights].map((file) => readFile(join(weightsCache, file))));
    await rm(join(weightsCache, scales));
    await writeFile(join(weightsCache, weights), Buffer.from(whole[1] ?? "").fill(0x7f, 20_000, 60_000));
    expect(areSameBits(await lastLogits(options), expected)).toBe(true);
    expect(await Promise.all([scales, weights].map((file) => readFile(join(weightsCache, file))))).toEqual(whole);
  });

  test("whose damage shows first in a header that makes no graph is made again, too", async () => {
    const weightsCache = await temporaryFolder();
    const options = { dtype: "int8", kvDtype: "float32", weightsCache } as const;
    const expected = await lastLogits(options);
    const [file = ""] = await readdir(weightsCache);
    const text = await readFile(join(weightsCache, file), "latin1");
    await writeFile(join(weightsCache, file), text.replace(/"transformer\.h\.0/, '"transformer.h.x'), "latin1");
    expect(areSameBits(await lastLogits(options), expected)).toBe(true);
  });

  test.runIf(process.platform === "linux")("has none of its pages resident once a model is loaded", async () => {
    const weightsCache = await temporaryFolder();
    using model = await load({ dtype: "int8", weightsCache });
    const residents = (await readFile("/proc/self/smaps", "utf8"))
      .split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)
      .filter((mapping) => mapping.includes(`${weightsCache}/`))
      .map((mapping) => Number(/^Rss: +(\d+) kB/m.exec(mapping)?.[1]));
    expect(residents.length).toBeGreaterThan(0); // scales are not prepacked
    expect(residents.reduce((sum, kB) => sum + kB, 0)).toBeLessThan(32); // of 190
    expect((await logitsOf(model, [1, 2]))[1]?.every(Number.isFinite)).toBe(true); // they come back
  });

  test("leaves nothing in the system's folder for temporary files when there is none", async () => {
    const folder = await temporaryFolder();
    vi.stubEnv("TMPDIR", folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    await lastLogits({ dtype: "int8" });
    expect(await readdir(folder)).toEqual([]);
  });

  test("is asked for where there can be no temporary files", async () => {
    const folder = join(await temporaryFolder(), "missing");
    vi.stubEnv("TMPDIR", folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(load({ dtype: "int8" })).rejects.toThrow(
      new ConfigurationError(
        `cannot keep quantised weights in ${folder} (ENOENT): name a folder for them that can be written`,
      ),
    );
  });

  test("that is no folder is named", async () => {
    const file = join(await temporaryFolder(), "file");
    await writeFile(file, "");
    const loading = load({ dtype: "int8", weightsCache: join(file, "below") });
    await expect(loading).rejects.toThrow(
      new ConfigurationError(
        `cannot keep quantised weights in ${join(file, "below")} (ENOTDIR): name a folder for them that can be written`,
      ),
    );
  });
});

test("a checkpoint of links to files elsewhere is loaded like the files", async () => {
  const folder = await temporaryFolder();
  for (const file of await readdir(micro)) await symlink(join(micro, file), join(folder, file));
  for (const dtype of ["float32", "int8"] as const) {
    expect(areSameBits(await lastLogits({ folder, dtype }), await lastLogits({ dtype }))).toBe(true);
  }
});

test("a model that cannot be quantised is refused, and leaves no tensor behind", async () => {
  const folder = await copyCheckpoint();
  const file = join(folder, "model.safetensors");
  const bytes = await readFile(file);
  bytes.fill(0xff, bytes.length - 400_000, bytes.length - 399_900); // NaN
  await writeFile(file, bytes);
  const before = liveTensors();
  const refusal = load({ folder, dtype: "int8" });
  await expect(refusal).rejects.toThrow(CheckpointError);
  await expect(refusal).rejects.toThrow(
    /^model\.safetensors: tensor 'transformer\.h\.\d.*' has values that are infinite/,
  );
  expect(liveTensors()).toBe(before);
});

describe("what small precisions lose on a text", () => {
  /** Mean nats a token of a text that nothing was calibrated on. */
  async function loss(options: Partial<LoadOptions>): Promise<number> {
    using model = await load({ folder: "models/tiny", ...options });
    const text = await readFile("LICENSE", "utf8");
    const tokenIds = model.tokenizer.encode(text).slice(0, model.shape.positions - 1);
    const rows = await logitsOf(model, tokenIds);
    const losses = tokenIds.slice(1).map((id, index) => crossEntropy(rows[index] ?? new Float32Array(), id));
    return losses.reduce((sum, value) => sum + value, 0) / losses.length;
  }

  function crossEntropy(logits: Float32Array, id: number): number {
    const highest = logits.reduce((a, b) => Math.max(a, b));
    const sum = logits.reduce((running, logit) => running + Math.exp(logit - highest), 0);
    return highest + Math.log(sum) - (logits[id] ?? NaN);
  }

  const float32 = loss({});
  test.for([
    ["int8", "int8", 0.01],
    ["int8", "float32", 0.01],
    ["float32", "int8", 0.01],
    ["int8-block", "int8", 0.01],
    ["int4", "int8", 0.05],
  ] as const)("%s with an %s cache: at most %s nats a token", async ([dtype, kvDtype, bound]) => {
    const lost = (await loss({ dtype, kvDtype })) - (await float32);
    expect(Math.abs(lost)).toBeLessThan(bound);
    expect(lost).not.toBe(0);
  });
});
