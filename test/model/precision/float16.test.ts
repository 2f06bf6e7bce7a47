/** Models in float16, as a device computes them, on the CPU: its kernels widen what they have no float16 for. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { SessionRunner } from "../../../src/engine/runner/session-runner.js";
import { CheckpointError } from "../../../src/errors.js";
import { io, loadModel, topCandidates, type LoadOptions, type Model } from "../../../src/model/index.js";
import { Binding, Tensor } from "../../../src/ort/index.js";
import { copyCheckpoint, entryOf, fixture, readSafetensorsFile, temporaryFolder } from "../../support/checkpoints.js";
import { convertToGguf } from "../../support/gguf-gpt2.js";
import { completeReferences, type CompleteReference } from "../../support/reference.js";
import { distance } from "../../support/runners.js";

/**
 * A float16 number is up to 2^-11 of itself off. A number on its way to a logit is rounded about 30 times here (8 times
 * a layer, and at both ends), each time by something else: together by the square root of 30 times 2^-11, or 0.27%. The
 * highest logits are about 4.
 */
const tolerance = 0.011;
/** What rounding weights to bfloat16, 8 times coarser, moves a logit by before anything is computed. */
const bfloat16Rounding = 0.1;

const load = (folder: string, options: Partial<LoadOptions> = {}): Promise<Model> =>
  loadModel({ folder, threads: 2, isSpinning: false, dtype: "float16", isFloat16Forced: true, ...options });

function runnerOf({ session, shape, kvDtype }: Model): SessionRunner {
  const sizes = { slots: 2, maxLength: shape.positions, maxPrefillTokens: shape.positions };
  return new SessionRunner(session, shape, { ...sizes, kvDtype });
}

/** The logits after each token from `start` on: from one prefill, but the last three tokens', which are decoded. */
async function logitsFrom(runner: SessionRunner, tokenIds: readonly number[], start: number): Promise<Float32Array[]> {
  const end = tokenIds.length - 3;
  const prefilled = await runner.prefill({ slot: 0, tokenIds, start: 0, end, wanted: "all" });
  const rows = Array.from({ length: end - start }, (_, row) => prefilled.logits(start + row).slice());
  for (const [index, tokenId] of tokenIds.slice(end).entries()) {
    const decoded = await runner.decode(0, [{ tokenId, position: end + index }]);
    rows.push(decoded.logits(0).slice());
  }
  return rows;
}

interface Step {
  readonly logits: Float32Array;
  readonly reference: CompleteReference["greedy"]["tokens"][number];
}

/** Each greedy token of the reference, and the logits that it was chosen from. */
async function greedySteps(model: Model, prompts: readonly CompleteReference[]): Promise<Step[]> {
  using runner = runnerOf(model);
  const steps: Step[] = [];
  for (const { input_ids: prompt, greedy } of prompts) {
    const rows = await logitsFrom(runner, [...prompt, ...greedy.ids.slice(0, -1)], prompt.length - 1);
    for (const [index, reference] of greedy.tokens.entries()) {
      steps.push({ reference, logits: rows[index] ?? new Float32Array() });
    }
  }
  return steps;
}

const highest = (logits: Float32Array): number => logits.reduce((best, logit) => Math.max(best, logit), -Infinity);

function logSumExp(logits: Float32Array): number {
  const best = highest(logits);
  return best + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - best), 0));
}

const checkpoints: readonly (readonly [name: string, reference: string, rounding: number])[] = [
  ["micro-gpt2", "micro-gpt2", 0],
  ["micro-gpt2-f16", "micro-gpt2", 0],
  ["micro-gpt2-bf16", "micro-gpt2", bfloat16Rounding],
  ["gpt2-vocab", "gpt2-vocab", 0],
];

describe.each(checkpoints)("%s in float16", (name, reference, rounding) => {
  const prompts = completeReferences(`${fixture(reference)}/reference.json`);
  const bound = tolerance + rounding;

  test("has the reference's log probabilities up to what float16 rounds away, and not exactly", async () => {
    using model = await load(fixture(name));
    const steps = await greedySteps(model, prompts);
    const differences = steps.flatMap(({ logits, reference: { top5 } }) => {
      const all = logSumExp(logits);
      return top5.map(([id, logprob]) => Math.abs((logits[id] ?? NaN) - all - logprob));
    });
    expect(differences.length).toBeGreaterThan(100);
    expect(Math.max(...differences)).toBeLessThan(bound);
    expect(Math.max(...differences)).toBeGreaterThan(1e-4);
  });

  test("chooses the reference's tokens where its margin is more than two logits may be off", async () => {
    using model = await load(fixture(name));
    const steps = await greedySteps(model, prompts);
    const clear = steps.filter(({ reference: { margin } }) => margin > 2 * bound);
    expect(clear.length).toBeGreaterThan(steps.length / 4);
    expect(clear.map(({ logits }) => logits.indexOf(highest(logits)))).toEqual(clear.map((step) => step.reference.id));
  });
});

test("a model says that weights, cache and logits' selection are a device's", async () => {
  using model = await load(fixture("micro-gpt2"), { selection: "on-device" });
  expect(model).toMatchObject({
    ...{ dtype: "float16", kvDtype: "float16", selection: "on-device", isExactInAnyOrder: false },
    device: { kind: "cpu" },
    precisionReason: "as asked; 40 tensors rounded to float16",
    // Vectors: 3 x (4 x 64 + 192 + 64 + 256 + 64) + 2 x 64; matrices: 3 x 64 x (192 + 64 + 2 x 256), 600 and 96 rows.
    weightBytes: 2 * (2624 + 147_456 + 64 * (600 + 96)),
  });
});

test.each(["F16", "Q8_0"] as const)(
  "a GGUF file of %s, its matrices transposed, has the logits of float32",
  async (type) => {
    const file = join(await temporaryFolder(), "model.gguf");
    await writeFile(file, await convertToGguf(fixture("micro-gpt2"), { type }));
    const [half = [], full = []] = await Promise.all(
      (["float16", "float32"] as const).map(async (dtype) => {
        using model = await load(file, { dtype });
        using runner = runnerOf(model);
        return await logitsFrom(runner, [52, 301, 308, 72, 279, 69, 390], 0);
      }),
    );
    expect(half).toHaveLength(7);
    expect(Math.max(...half.map((row, index) => distance(row, full[index] ?? [])))).toBeLessThan(tolerance);
  },
);

test("a model's graph selects from its own logits, in float32 as in float16", async () => {
  for (const options of [{}, { dtype: "float32" }] as const) {
    using model = await load(fixture("micro-gpt2"), { ...options, selection: "on-device" });
    const { logits, bestToken, topTokens } = await selectAfter(model, [52, 301, 308, 72]);
    const sorted = [...logits.keys()].sort((a, b) => (logits[b] ?? NaN) - (logits[a] ?? NaN) || a - b);
    expect(bestToken).toBe(sorted[0]);
    expect(topTokens.map((token) => logits[token])).toEqual(sorted.slice(0, 64).map((token) => logits[token]));
  }
});

/** What the graph gives for the last of the tokens. */
async function selectAfter({ session, shape, kvDtype }: Model, tokenIds: readonly number[]) {
  const { api, cpu } = session;
  const count = tokenIds.length;
  using binding = new Binding(session);
  const integers: [name: string, shape: number[], values: readonly number[]][] = [
    [io.tokenIds, [1, count], tokenIds],
    [io.positions, [1, count], [...tokenIds.keys()]],
    [io.lastPositions, [1], [count - 1]],
    [io.totalLength, [1], [count]],
    [io.logitRows, [1], [count - 1]],
  ];
  for (const [name, dimensions, values] of integers) {
    const memory = new ArrayBuffer(4 * values.length);
    new Int32Array(memory).set(values);
    binding.input(name, Tensor.over(api, cpu, "int32", dimensions, memory));
  }
  for (let layer = 0; layer < shape.layers; layer += 1) {
    for (const [past, present] of [
      [io.pastKey(layer), io.presentKey(layer)],
      [io.pastValue(layer), io.presentValue(layer)],
    ] as const) {
      const tensor = Tensor.allocate(api, cpu, kvDtype, [1, shape.kvHeads, count, shape.headDim]);
      binding.input(past, tensor).output(present, tensor);
    }
  }
  const logits = new ArrayBuffer(4 * shape.vocabularySize);
  const [bestToken, topTokens] = [new ArrayBuffer(8), new ArrayBuffer(8 * topCandidates)];
  binding.output(io.logits, Tensor.over(api, cpu, "float32", [1, shape.vocabularySize], logits));
  binding.output(io.bestToken, Tensor.over(api, cpu, "int64", [1], bestToken));
  binding.output(io.topTokens, Tensor.over(api, cpu, "int64", [1, topCandidates], topTokens));
  await binding.run();
  return {
    logits: new Float32Array(logits),
    bestToken: Number(new BigInt64Array(bestToken)[0]),
    topTokens: Array.from(new BigInt64Array(topTokens), Number),
  };
}

describe("weights in float16", () => {
  test("are kept for later starts, and left nowhere without a folder for them", async () => {
    const [weightsCache, temporary] = [await temporaryFolder(), await temporaryFolder()];
    vi.stubEnv("TMPDIR", temporary);
    onTestFinished(() => void vi.unstubAllEnvs());
    for (const options of [{ weightsCache }, { weightsCache }, {}]) {
      (await load(fixture("micro-gpt2"), options))[Symbol.dispose]();
    }
    expect(await readdir(weightsCache)).toEqual([expect.stringMatching(/^float16-[0-9a-f]{32}\.safetensors$/)]);
    expect(await readdir(temporary)).toEqual([]);
  });

  test("stay in a file that has them so: nothing is written", async () => {
    const weightsCache = await temporaryFolder();
    using model = await load(fixture("micro-gpt2-f16"), { weightsCache });
    expect(await readdir(weightsCache)).toEqual([]);
    expect(model.precisionReason).toBe("as asked");
  });

  test("too large for it are refused with the tensor's name and the number", async () => {
    const folder = await copyCheckpoint();
    const file = join(folder, "model.safetensors");
    const { header } = await readSafetensorsFile(file);
    const bytes = await readFile(file);
    const dataStart = 8 + Number(bytes.readBigUInt64LE());
    const [start = NaN] = entryOf(header, "transformer.h.1.mlp.c_fc.weight").data_offsets;
    bytes.writeFloatLE(-70_000, dataStart + start + 400);
    await writeFile(file, bytes);
    await expect(load(folder)).rejects.toThrow(
      new CheckpointError(
        "model.safetensors: tensor 'transformer.h.1.mlp.c_fc.weight' has the number -70000, " +
          "which float16 cannot hold: serve it on a CPU",
      ),
    );
  });
});
