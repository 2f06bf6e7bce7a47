/**
 * GPT-2 written down as it reads in transformers' modeling_gpt2.py: no cache, no batch, no fused operator, float64.
 * The oracle for hyper-parameters that no reference output covers.
 */
import type { SmallGpt2, StoredTensor } from "./small-gpt2.js";

export type Vector = readonly number[];

/** A row of activations times each column of a weight. */
export type NaiveProduct = (row: Vector, columns: readonly Vector[]) => Vector;

const exactProduct: NaiveProduct = (row, columns) => columns.map((column) => dot(row, column));

/** The logits [vocabulary] after each of the tokens. */
export function naiveLogits(
  model: SmallGpt2,
  tokenIds: readonly number[],
  product: NaiveProduct = exactProduct,
): Vector[] {
  return new NaiveGpt2(model, product).logits(tokenIds);
}

class NaiveGpt2 {
  readonly #width: number;
  readonly #heads: number;

  constructor(
    private readonly model: SmallGpt2,
    private readonly product: NaiveProduct,
  ) {
    this.#width = model.fields.n_embd;
    this.#heads = model.fields.n_head;
  }

  logits(tokenIds: readonly number[]): Vector[] {
    const embedding = this.#tensor("wte.weight");
    const positions = this.#tensor("wpe.weight");
    let hidden = tokenIds.map((id, position) => sum(rowOf(embedding, id), rowOf(positions, position)));
    for (let layer = 0; layer < this.model.fields.n_layer; layer += 1) {
      const attended = this.#attention(layer, this.#norm(`h.${layer}.ln_1`, hidden));
      hidden = hidden.map((row, index) => sum(row, attended[index]));
      const blended = this.#mlp(layer, this.#norm(`h.${layer}.ln_2`, hidden));
      hidden = hidden.map((row, index) => sum(row, blended[index]));
    }
    const isTied = this.model.fields.tie_word_embeddings ?? true;
    const head = isTied ? embedding : this.#tensor("lm_head.weight");
    const columns = range(head.shape[0]).map((id) => rowOf(head, id));
    return this.#norm("ln_f", hidden).map((row) => this.product(row, columns));
  }

  #attention(layer: number, hidden: readonly Vector[]): Vector[] {
    const projected = this.#linear(`h.${layer}.attn.c_attn`, hidden);
    const heads = range(this.#heads).map((head) => {
      const part = (index: number): Vector[] => projected.map((row) => this.#slice(row, index, head));
      return this.#attend(layer, part(0), part(1), part(2));
    });
    const merged = hidden.map((_, position) => heads.flatMap((rows) => rows[position] ?? []));
    return this.#linear(`h.${layer}.attn.c_proj`, merged);
  }

  /** One head: each position looks at itself and those before it. */
  #attend(layer: number, queries: readonly Vector[], keys: readonly Vector[], values: readonly Vector[]): Vector[] {
    return queries.map((query, position) => {
      const seen = range(position + 1);
      const weights = softmax(seen.map((other) => dot(query, keys[other] ?? []) * this.#scale(layer)));
      return query.map((_, axis) =>
        dot(
          weights,
          seen.map((other) => values[other]?.[axis] ?? NaN),
        ),
      );
    });
  }

  #scale(layer: number): number {
    const { scale_attn_weights: byDimension = true, scale_attn_by_inverse_layer_idx: byLayer = false } =
      this.model.fields;
    return (byDimension ? (this.#width / this.#heads) ** -0.5 : 1) / (byLayer ? layer + 1 : 1);
  }

  /** One head of the queries, the keys or the values (part 0, 1, 2), which lie side by side. */
  #slice(row: Vector, part: number, head: number): Vector {
    const size = this.#width / this.#heads;
    const start = part * this.#width + head * size;
    return row.slice(start, start + size);
  }

  #mlp(layer: number, hidden: readonly Vector[]): Vector[] {
    const name = this.model.fields.activation_function ?? "gelu_new";
    const activate = activations[name];
    if (activate === undefined) throw new Error(`the naive model has no ${name}`);
    const inner = this.#linear(`h.${layer}.mlp.c_fc`, hidden).map((row) => row.map(activate));
    return this.#linear(`h.${layer}.mlp.c_proj`, inner);
  }

  /** Conv1D: x * weight [in, out] + bias. */
  #linear(name: string, rows: readonly Vector[]): Vector[] {
    const weight = this.#tensor(`${name}.weight`);
    const [inputs = 0, outputs = 0] = weight.shape;
    const columns = range(outputs).map((out) =>
      range(inputs).map((input) => weight.values[input * outputs + out] ?? NaN),
    );
    const bias = [...this.#tensor(`${name}.bias`).values];
    return rows.map((row) => sum(this.product(row, columns), bias));
  }

  #norm(name: string, rows: readonly Vector[]): Vector[] {
    const epsilon = this.model.fields.layer_norm_epsilon ?? 1e-5;
    const gain = this.#tensor(`${name}.weight`).values;
    const bias = this.#tensor(`${name}.bias`).values;
    return rows.map((row) => {
      const mean = total(row) / row.length;
      const variance = total(row.map((value) => (value - mean) ** 2)) / row.length;
      const deviation = Math.sqrt(variance + epsilon);
      return row.map((value, axis) => ((value - mean) / deviation) * (gain[axis] ?? NaN) + (bias[axis] ?? NaN));
    });
  }

  #tensor(name: string): StoredTensor {
    const tensor = this.model.tensors.get(name);
    if (tensor === undefined) throw new Error(`the naive model has no ${name}`);
    return tensor;
  }
}

const range = (count = 0): number[] => Array.from({ length: count }, (_, index) => index);
const total = (vector: Vector): number => vector.reduce((running, value) => running + value, 0);
const sum = (a: Vector, b: Vector = []): Vector => a.map((value, index) => value + (b[index] ?? NaN));

function dot(a: Vector, b: Vector): number {
  let running = 0;
  for (let index = 0; index < a.length; index += 1) running += (a[index] ?? NaN) * (b[index] ?? NaN);
  return running;
}

function rowOf({ shape, values }: StoredTensor, row: number): Vector {
  const [, width = 0] = shape;
  return [...values.subarray(row * width, (row + 1) * width)];
}

function softmax(scores: Vector): Vector {
  const highest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - highest));
  const all = total(weights);
  return weights.map((weight) => weight / all);
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const tanhGelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const silu = (x: number): number => x * sigmoid(x);

/** transformers' ACT2FN. */
const activations: Readonly<Record<string, (x: number) => number>> = {
  gelu_new: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  gelu_fast: (x) => 0.5 * x * (1 + Math.tanh(0.7978845608 * x * (1 + 0.044715 * x * x))),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  quick_gelu: (x) => x * sigmoid(1.702 * x),
  silu,
  swish: silu,
  relu: (x) => Math.max(x, 0),
  tanh: Math.tanh,
};

/** The Maclaurin series, which loses half its digits at 4; beyond, erf is 1 up to 1.6e-8. */
function erf(x: number): number {
  if (Math.abs(x) > 4) return Math.sign(x);
  let [power, series] = [x, x];
  for (let n = 1; n < 100; n += 1) {
    power *= -(x * x) / n;
    series += power / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * series;
}
