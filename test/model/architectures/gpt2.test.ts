import { expect, test } from "vitest";
import { temporaryFolder } from "../../support/checkpoints.js";
import { naiveLogits } from "../../support/naive-gpt2.js";
import { Random } from "../../support/random.js";
import { distance, openRunner } from "../../support/runners.js";
import { smallGpt2, writeGpt2, type Gpt2Fields, type SmallGpt2 } from "../../support/small-gpt2.js";

const tolerance = 3e-5;
const random = new Random(2);
const tokenIds = Array.from({ length: 20 }, () => random.integer(0, 64));

interface Variant {
  readonly fields: Partial<Gpt2Fields>;
  /** A model so near that the comparison must be able to tell: the same weights, other arithmetic. */
  readonly not: Partial<Gpt2Fields>;
}

const variants: readonly Variant[] = [
  { fields: {}, not: { activation_function: "gelu" } },
  { fields: { activation_function: "gelu_new" }, not: { activation_function: "gelu" } },
  { fields: { activation_function: "gelu_fast" }, not: { activation_function: "gelu" } },
  { fields: { activation_function: "gelu_pytorch_tanh" }, not: { activation_function: "gelu" } },
  { fields: { activation_function: "gelu" }, not: { activation_function: "gelu_new" } },
  { fields: { activation_function: "quick_gelu" }, not: { activation_function: "gelu" } },
  { fields: { activation_function: "silu" }, not: { activation_function: "quick_gelu" } },
  { fields: { activation_function: "swish" }, not: { activation_function: "quick_gelu" } },
  { fields: { activation_function: "relu" }, not: { activation_function: "gelu" } },
  { fields: { activation_function: "tanh" }, not: { activation_function: "relu" } },
  { fields: { scale_attn_weights: false }, not: { scale_attn_weights: true } },
  { fields: { scale_attn_by_inverse_layer_idx: true }, not: { scale_attn_by_inverse_layer_idx: false } },
  {
    fields: { scale_attn_by_inverse_layer_idx: true, scale_attn_weights: false },
    not: { scale_attn_by_inverse_layer_idx: true, scale_attn_weights: true },
  },
  { fields: { layer_norm_epsilon: 1e-3 }, not: { layer_norm_epsilon: 1e-5 } },
  { fields: { layer_norm_epsilon: 1e-12 }, not: { layer_norm_epsilon: 1e-5 } },
  { fields: { tie_word_embeddings: false }, not: { tie_word_embeddings: true } },
  { fields: { n_head: 4 }, not: { n_head: 2 } },
  { fields: { n_inner: 40 }, not: { activation_function: "gelu" } },
  { fields: { n_layer: 1 }, not: { activation_function: "relu" } },
  { fields: { reorder_and_upcast_attn: true }, not: { scale_attn_weights: false } },
];

/** The logits after each token: all but the last three from one prefill, those from decodes. */
async function logitsOf(model: SmallGpt2): Promise<Float32Array[]> {
  const folder = await temporaryFolder();
  await writeGpt2(folder, model);
  using opened = await openRunner(folder);
  const { runner } = opened;
  const end = tokenIds.length - 3;
  const prefilled = await runner.prefill({ slot: 0, tokenIds, start: 0, end, wanted: "all" });
  const rows = Array.from({ length: end }, (_, row) => prefilled.logits(row).slice());
  for (const [index, tokenId] of tokenIds.slice(end).entries()) {
    const decoded = await runner.decode(0, [{ tokenId, position: end + index }]);
    rows.push(decoded.logits(0).slice());
  }
  return rows;
}

const furthest = (rows: readonly ArrayLike<number>[], others: readonly ArrayLike<number>[]): number =>
  Math.max(...others.map((other, index) => distance(rows[index] ?? [], other)));

test.each(variants.map(({ fields, not }) => ({ name: JSON.stringify(fields), fields, not })))(
  "a GPT-2 with $name computes what the naive model does",
  async ({ fields, not }) => {
    const model = smallGpt2(fields);
    const logits = await logitsOf(model);
    const other = { ...model, fields: { ...model.fields, ...not } };
    expect(furthest(logits, naiveLogits(model, tokenIds))).toBeLessThan(tolerance);
    expect(furthest(logits, naiveLogits(other, tokenIds))).toBeGreaterThan(3 * tolerance);
  },
);
