import { expect, test } from "vitest";
import { architectureOf, openCheckpoint } from "../../../src/model/index.js";
import type { KvScales } from "../../../src/model/graph/decoder-io.js";
import { calibrate } from "../../../src/model/precision/calibration.js";
import { liveTensors, Session } from "../../../src/ort/index.js";
import { temporaryFolder } from "../../support/checkpoints.js";
import { smallGpt2, writeGpt2 } from "../../support/small-gpt2.js";

const tokenIds = [1, 2, 3, 4, 5, 6, 7];

/** Scales of a model whose keys and values are the biases of its projections, whatever the token. */
async function scalesOfBiases(biases: readonly number[], threads: number): Promise<KvScales> {
  const model = smallGpt2({ n_layer: 2 });
  for (const layer of [0, 1]) {
    model.tensors.get(`h.${layer}.attn.c_attn.weight`)?.values.fill(0);
    model.tensors.get(`h.${layer}.attn.c_attn.bias`)?.values.set(biases);
  }
  const folder = await temporaryFolder();
  await writeGpt2(folder, model);
  const blueprint = architectureOf(await openCheckpoint(folder)).read(await openCheckpoint(folder));
  using session = await Session.create(blueprint.buildGraph(), {
    ...{ externalDataFolder: folder, threads, isSpinning: false },
  });
  return await calibrate(session, blueprint.shape, tokenIds);
}

test("a scale is the largest key or value of its channel, with a quarter of room, in 127 steps", async () => {
  // Width 32: queries, then keys, then values. A channel of zeros has a scale too.
  const keys = Array.from({ length: 32 }, (_, channel) => (channel % 2 === 0 ? channel : -channel));
  const values = keys.map((key) => key / 10);
  const biases = [...new Array<number>(32).fill(9), ...keys, ...values];
  const before = liveTensors();
  const { key, value } = await scalesOfBiases(biases, 2);
  const expected = (channel: number): unknown => expect.closeTo((1.5 * channel) / 127, 6);
  expect(key.map((layer) => [...layer])).toEqual([0, 1].map(() => keys.map((_, channel) => expected(channel))));
  expect(value.map((layer) => [...layer])).toEqual([0, 1].map(() => keys.map((_, channel) => expected(channel / 10))));
  expect([key[0]?.[0], value[1]?.[0]].every((scale) => Number(scale) > 0)).toBe(true);
  expect(liveTensors()).toBe(before);
});
