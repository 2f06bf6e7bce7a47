import { describe, expect, test } from "vitest";
import { SessionRunner } from "../../../src/engine/runner/session-runner.js";
import { architectureOf, io, openCheckpoint } from "../../../src/model/index.js";
import { float16Products } from "../../../src/model/graph/float16.js";
import { float32Products } from "../../../src/model/graph/products.js";
import { createModelSession } from "../../../src/model/precision/create-session.js";
import { narrowCheckpoint } from "../../../src/model/precision/narrow.js";
import { fixture, temporaryFolder } from "../../support/checkpoints.js";
import { naiveLogits } from "../../support/naive-gpt2.js";
import { operatorsOf, outputsOf } from "../../support/onnx-operators.js";
import { Random } from "../../support/random.js";
import { distance } from "../../support/runners.js";
import { smallGpt2, writeGpt2, type Gpt2Fields, type SmallGpt2 } from "../../support/small-gpt2.js";

const random = new Random(2);
const tokenIds = Array.from({ length: 20 }, () => random.integer(0, 64));
/**
 * As in `precision/float16.test.ts`, for logits up to 2: 0.0055; and three times that for weights whose own rounding
 * counts as well, large enough for every part of the model to show.
 */
const tolerance = 0.0165;

/** The logits after each token: all but the last three from one prefill, those from decodes. */
async function logitsOf(model: SmallGpt2): Promise<Float32Array[]> {
  const folder = await temporaryFolder();
  await writeGpt2(folder, model);
  const stored = await openCheckpoint(folder);
  const architecture = architectureOf(stored);
  await using narrowed = await narrowCheckpoint(stored, architecture.read(stored).weights);
  const blueprint = architecture.read(narrowed.checkpoint);
  const loadTokenizer = (): Promise<{ encode: () => number[] }> => Promise.resolve({ encode: () => [] });
  const { session } = await createModelSession(
    { folder, blueprint, loadTokenizer },
    { dtype: "float16", kvDtype: "float16" },
    { threads: 2, isSpinning: false },
  );
  using owned = session;
  const sizes = { slots: 1, maxLength: 32, maxPrefillTokens: 32 };
  using runner = new SessionRunner(owned, blueprint.shape, { ...sizes, kvDtype: "float16" });
  const end = tokenIds.length - 3;
  const prefilled = await runner.prefill({ slot: 0, tokenIds, start: 0, end, wanted: "all" });
  const rows = Array.from({ length: end }, (_, row) => prefilled.logits(row).slice());
  for (const [index, tokenId] of tokenIds.slice(end).entries()) {
    rows.push((await runner.decode(0, [{ tokenId, position: end + index }])).logits(0).slice());
  }
  return rows;
}

const furthest = (rows: readonly Float32Array[], others: readonly ArrayLike<number>[]): number =>
  Math.max(...others.map((other, index) => distance(rows[index] ?? new Float32Array(), other)));

const variants: readonly Partial<Gpt2Fields>[] = [
  {},
  { activation_function: "gelu" },
  { activation_function: "quick_gelu" },
  { activation_function: "silu" },
  { activation_function: "relu" },
  { activation_function: "tanh" },
  { scale_attn_by_inverse_layer_idx: true },
  { tie_word_embeddings: false, n_inner: 40, n_head: 4 },
];

test.each(variants)("a GPT-2 in float16 with %j computes what the naive model does", async (fields) => {
  const model = smallGpt2(fields);
  const logits = await logitsOf(model);
  expect(furthest(logits, naiveLogits(model, tokenIds))).toBeLessThan(tolerance);
  const biasless = smallGpt2(fields);
  for (const [name, { values }] of biasless.tensors) if (/c_\w+\.bias$/.test(name)) values.fill(0);
  expect(furthest(logits, naiveLogits(biasless, tokenIds))).toBeGreaterThan(10 * tolerance);
});

describe("of the real vocabulary's graphs", async () => {
  const checkpoint = await openCheckpoint(fixture("gpt2-vocab"));
  const blueprint = architectureOf(checkpoint).read(checkpoint);
  const selected = [io.bestLogit, io.bestToken, io.logSumExp, io.topLogits, io.topTokens];
  const next = [io.nextTokenIds, io.nextPositions, io.nextLastPositions];
  const outputs = (graph: Uint8Array): string[] => outputsOf(graph).filter((name) => !name.startsWith("present"));

  test("the one for a CPU selects nothing: it has block maxima", () => {
    const graph = blueprint.buildGraph();
    expect(outputs(graph)).toEqual([io.logits, io.blockMaxima]);
    expect(operatorsOf(graph)).toEqual([
      ...["Add", "Cast", "Concat", "Gather", "Gemm", "LayerNormalization", "MaxPool", "Reshape", "Shape", "Unsqueeze"],
      ...["FastGelu", "GroupQueryAttention", "SkipLayerNormalization"].map((name) => `com.microsoft.${name}`),
    ]);
  });

  test("the one for a device has nothing but operators with CUDA kernels, computes no shape, and needs no cuDNN", () => {
    const graph = blueprint.buildGraph({ products: float16Products, activations: "float16", selection: "on-device" });
    expect(outputs(graph).toSorted()).toEqual([...selected, ...next, io.logits].toSorted());
    // CUDA kernels that a graph of operator set 21 finds, for these types (docs/OperatorKernels.md of ONNX Runtime).
    expect(operatorsOf(graph)).toEqual([
      ...["Add", "Cast", "Concat", "Gather", "GatherElements", "Less", "LogSoftmax", "MatMul", "Reshape"],
      ...["Slice", "Sub", "TopK", "Where"],
      ...["FastGelu", "FusedMatMul", "GroupQueryAttention", "SkipLayerNormalization"].map(
        (name) => `com.microsoft.${name}`,
      ),
    ]);
  });

  test("one that selects nothing has logits alone", () => {
    expect(outputs(blueprint.buildGraph({ products: float32Products, selection: "none" }))).toEqual([io.logits]);
  });

  test("one in float32 can select, too", () => {
    const graph = blueprint.buildGraph({ products: float32Products, selection: "on-device" });
    expect(outputs(graph).toSorted()).toEqual([...selected, ...next, io.logits].toSorted());
  });
});
