import { describe, expect, test } from "vitest";
import { candidateCount, io } from "../../../src/model/index.js";
import { GraphBuilder } from "../../../src/model/graph/graph-builder.js";
import { addSelection } from "../../../src/model/graph/selection.js";
import { Binding, Session, Tensor } from "../../../src/ort/index.js";
import { Random } from "../../support/random.js";

interface Selected {
  readonly bestToken: number;
  readonly bestLogit: number;
  readonly logSumExp: number;
  readonly topTokens: readonly number[];
  readonly topLogits: readonly number[];
}

/** What the graph selects of rows of logits, all of one length. */
async function select(rows: readonly Float32Array[]): Promise<Selected[]> {
  const vocabularySize = rows[0]?.length ?? 0;
  const shape = { layers: 1, kvHeads: 1, headDim: 8, positions: 8, vocabularySize };
  const graph = new GraphBuilder("selection");
  addSelection(graph, shape, graph.input("logits", "float32", ["rows", vocabularySize]));
  using session = await Session.create(graph.build(), { externalDataFolder: ".", threads: 1, isSpinning: false });
  const { api, cpu } = session;
  const memory = new ArrayBuffer(4 * rows.length * vocabularySize);
  for (const [index, row] of rows.entries()) new Float32Array(memory).set(row, index * vocabularySize);
  using logits = Tensor.over(api, cpu, "float32", [rows.length, vocabularySize], memory);
  using binding = new Binding(session).input("logits", logits);
  const count = candidateCount(shape);
  const output = (name: string, type: "int64" | "float32", width: readonly number[]): ArrayBuffer => {
    const numbers = width.reduce((product, size) => product * size, rows.length);
    const buffer = new ArrayBuffer(numbers * (type === "int64" ? 8 : 4));
    binding.output(name, Tensor.over(api, cpu, type, [rows.length, ...width], buffer));
    return buffer;
  };
  const bestTokens = new BigInt64Array(output(io.bestToken, "int64", []));
  const bestLogits = new Float32Array(output(io.bestLogit, "float32", []));
  const logSumExps = new Float32Array(output(io.logSumExp, "float32", []));
  const topTokens = new BigInt64Array(output(io.topTokens, "int64", [count]));
  const topLogits = new Float32Array(output(io.topLogits, "float32", [count]));
  await binding.run();
  return rows.map((_, row) => ({
    bestToken: Number(bestTokens[row]),
    bestLogit: bestLogits[row] ?? NaN,
    logSumExp: logSumExps[row] ?? NaN,
    topTokens: Array.from(topTokens.subarray(row * count, (row + 1) * count), Number),
    topLogits: [...topLogits.subarray(row * count, (row + 1) * count)],
  }));
}

/** The same by sorting all of a row and adding it up in double precision. */
function naive(row: Float32Array): Omit<Selected, "topTokens"> {
  const sorted = [...row].sort((a, b) => b - a);
  const best = sorted[0] ?? NaN;
  const sum = row.reduce((running, logit) => running + Math.exp(logit - best), 0);
  const [bestToken, bestLogit] = [row.indexOf(best), best];
  return { bestToken, bestLogit, logSumExp: best + Math.log(sum), topLogits: sorted.slice(0, 64) };
}

function expectSelected(row: Float32Array, selected: Selected | undefined): void {
  const { logSumExp, ...exact } = naive(row);
  expect(selected).toMatchObject({ ...exact, logSumExp: expect.closeTo(logSumExp, 4) as unknown });
  const tokens = selected?.topTokens ?? [];
  expect(new Set(tokens).size).toBe(exact.topLogits.length);
  expect(tokens.map((token) => row[token])).toEqual(exact.topLogits);
}

/** Below 64, one search, several searches, several without a rest, a rest of fewer than 64. */
const lengths = [1, 5, 64, 600, 4096, 5000, 6144, 6150, 50_257];

describe.each(lengths)("of %i logits", (length) => {
  const random = new Random(length);

  test("the best, the highest 64 and the log of their sum are what sorting and adding up give", async () => {
    const rows = Array.from({ length: 3 }, () => Float32Array.from({ length }, () => 40 * random.next() - 120));
    const selected = await select(rows);
    for (const [index, row] of rows.entries()) expectSelected(row, selected[index]);
  });

  test("the lowest of tokens with the same logit is the best, and each is given once", async () => {
    // 20 at the most have the highest logit: fewer than 64, which is what is promised.
    const rows = Array.from({ length: 3 }, () => {
      const row = Float32Array.from({ length }, () => Math.floor(8 * random.next()) / 4);
      for (let count = 0; count < 20; count += 1) row[random.integer(0, length)] = 3;
      return row;
    });
    const selected = await select(rows);
    for (const [index, row] of rows.entries()) expectSelected(row, selected[index]);
  });
});
