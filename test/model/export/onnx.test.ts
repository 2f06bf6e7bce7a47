/** The converted model, run as anyone would: through the JavaScript API of onnxruntime-node, nothing of ours. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { fixture, temporaryFolder } from "../../support/checkpoints.js";
import { convertToGguf } from "../../support/gguf-gpt2.js";
import { naiveLogits } from "../../support/naive-gpt2.js";
import { completeReferences } from "../../support/reference.js";
import { smallGpt2, writeGpt2, type Gpt2Fields } from "../../support/small-gpt2.js";
import { convert, type GivenOptions } from "./exporting.js";

type Values = Readonly<Record<string, Tensor>>;
/** Layers, heads, and the size of a head. */
type Cache = readonly [layers: number, heads: number, headDim: number];
const micro: Cache = [3, 4, 16];

async function openConverted(options: GivenOptions) {
  const { folder } = await convert({ format: "onnx", ...options });
  return InferenceSession.create(join(folder, "model.onnx"), { intraOpNumThreads: 1 });
}

function integers(rows: readonly (readonly number[])[]): Tensor {
  return new Tensor("int64", BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0]);
}

function emptyCache([layers, heads, headDim]: Cache, batch = 1): Values {
  const names = Array.from({ length: layers }, (_, layer) => ["key", "value"].map((part) => `${layer}.${part}`)).flat();
  const empty = () => new Tensor("float32", new Float32Array(0), [batch, heads, 0, headDim]);
  return Object.fromEntries(names.map((name) => [`past_key_values.${name}`, empty()]));
}

/** Ids behind those that `cache` holds, of one row: all is text. */
async function run(session: InferenceSession, cache: Values, ids: readonly number[], start = 0): Promise<Values> {
  const positions = ids.map((_, index) => start + index);
  const mask = Array.from({ length: start + ids.length }, () => 1);
  const inputs = { input_ids: integers([ids]), position_ids: integers([positions]), attention_mask: integers([mask]) };
  return session.run({ ...inputs, ...cache });
}

function cacheOf(outputs: Values): Values {
  const present = Object.entries(outputs).filter(([name]) => name.startsWith("present."));
  return Object.fromEntries(present.map(([name, tensor]) => [name.replace("present.", "past_key_values."), tensor]));
}

/** The logits after each token of each row: [B x S][V]. */
function logitsOf({ logits }: Values): number[][] {
  const [, , size = 0] = logits?.dims ?? [];
  const all = logits?.data instanceof Float32Array ? [...logits.data] : [];
  return Array.from({ length: all.length / size }, (_, row) => all.slice(row * size, (row + 1) * size));
}

function distance(
  logits: readonly number[] | undefined,
  best: readonly (readonly [id: number, logit: number])[],
): number {
  return Math.max(...best.map(([id, logit]) => Math.abs((logits?.[id] ?? NaN) - logit)));
}

const likeliest = (logits: readonly number[] = []): number => logits.indexOf(Math.max(...logits));
const references = completeReferences(fixture("micro-gpt2/reference.json"));

test("has the inputs and outputs that optimum gives a decoder", async () => {
  const session = await openConverted({ source: fixture("micro-gpt2") });
  const parts = ["0.key", "0.value", "1.key", "1.value", "2.key", "2.value"];
  const past = parts.map((part) => `past_key_values.${part}`);
  expect(session.inputNames).toEqual(["input_ids", "attention_mask", "position_ids", ...past]);
  expect([...session.outputNames].sort()).toEqual(["logits", ...parts.map((part) => `present.${part}`)]);
});

test.for([
  ["float32", 1e-4],
  ["float16", 0.01],
  ["bfloat16", 0.1],
] as const)("in %s its logits are the reference's, to %d", async ([dtype, tolerance]) => {
  const session = await openConverted({ source: fixture("micro-gpt2"), dtype });
  const distances = [];
  for (const { input_ids: ids, last_logits_top20: best } of references) {
    distances.push(distance(logitsOf(await run(session, emptyCache(micro), ids)).at(-1), best));
  }
  expect(distances.length).toBeGreaterThan(3);
  expect(Math.max(...distances)).toBeLessThan(tolerance);
});

test("float16 weights give the same logits as the same numbers in float32", async () => {
  const { folder: wide } = await convert({ source: fixture("micro-gpt2-f16"), dtype: "float32" });
  const ids = [5, 17, 300, 42];
  const [narrow, expected] = await Promise.all(
    [fixture("micro-gpt2-f16"), wide].map(async (source) =>
      run(await openConverted({ source }), emptyCache(micro), ids),
    ),
  );
  expect(narrow?.["logits"]?.data).toEqual(expected?.["logits"]?.data);
});

test("token by token over its cache it writes the reference's greedy answers", async () => {
  const session = await openConverted({ source: fixture("micro-gpt2") });
  for (const { input_ids: prompt, greedy } of references.slice(0, 3)) {
    let outputs = await run(session, emptyCache(micro), prompt);
    const ids: number[] = [];
    while (ids.length < greedy.ids.length) {
      const id = likeliest(logitsOf(outputs).at(-1));
      outputs = await run(session, cacheOf(outputs), [id], prompt.length + ids.length);
      ids.push(id);
    }
    expect(ids).toEqual(greedy.ids);
  }
});

test("a prompt in two parts has the logits of the whole", async () => {
  const session = await openConverted({ source: fixture("micro-gpt2") });
  const ids = [5, 17, 300, 42, 7, 8, 9];
  const whole = logitsOf(await run(session, emptyCache(micro), ids));
  const first = await run(session, emptyCache(micro), ids.slice(0, 3));
  const parts = [...logitsOf(first), ...logitsOf(await run(session, cacheOf(first), ids.slice(3), 3))];
  expect(parts).toHaveLength(whole.length);
  for (const [row, logits] of parts.entries())
    expect(distance(logits, [...(whole[row] ?? []).entries()])).toBeLessThan(1e-4);
});

test("rows of different lengths, padded on the left, have the logits that they have alone", async () => {
  const session = await openConverted({ source: fixture("micro-gpt2") });
  const [long, short] = [
    [5, 17, 300, 42, 7],
    [9, 11],
  ];
  const inputs = {
    input_ids: integers([long, [0, 0, 0, ...short]]),
    attention_mask: integers([long.map(() => 1), [0, 0, 0, 1, 1]]),
    position_ids: integers([[...long.keys()], [0, 0, 0, 0, 1]]),
  };
  const rows = logitsOf(await session.run({ ...inputs, ...emptyCache(micro, 2) }));
  const alone = logitsOf(await run(session, emptyCache(micro), short));
  expect(distance(rows[8], [...(alone[0] ?? []).entries()])).toBeLessThan(1e-4);
  expect(distance(rows[9], [...(alone[1] ?? []).entries()])).toBeLessThan(1e-4);
  expect(rows.flat().every(Number.isFinite)).toBe(true);
});

const variants: readonly Partial<Gpt2Fields>[] = [
  ...["gelu", "gelu_fast", "quick_gelu", "relu", "silu", "tanh"].map((name) => ({ activation_function: name })),
  { n_inner: 80, layer_norm_epsilon: 1e-2 },
  { scale_attn_weights: false },
  { scale_attn_by_inverse_layer_idx: true },
  { tie_word_embeddings: false },
];

test.for(variants)("computes what the naive model does with %o", async (variant) => {
  const source = await temporaryFolder();
  const model = smallGpt2(variant);
  await writeGpt2(source, model);
  const ids = [3, 1, 41, 5, 9];
  const { n_layer: layers, n_head: heads, n_embd: width } = model.fields;
  const logits = logitsOf(await run(await openConverted({ source }), emptyCache([layers, heads, width / heads]), ids));
  const expected = naiveLogits(model, ids);
  expect(logits).toHaveLength(expected.length);
  for (const [row, best] of expected.entries()) expect(distance(logits[row], [...best.entries()])).toBeLessThan(1e-3);
});

test("a GGUF file, whose matrices are transposed, becomes the same model", async () => {
  const source = join(await temporaryFolder(), "micro.gguf");
  await writeFile(source, await convertToGguf(fixture("micro-gpt2")));
  const session = await openConverted({ source });
  for (const { input_ids: ids, last_logits_top20: best } of references.slice(0, 3)) {
    expect(distance(logitsOf(await run(session, emptyCache(micro), ids)).at(-1), best)).toBeLessThan(1e-4);
  }
});
