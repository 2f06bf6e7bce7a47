/** A new model that is no good is refused with its reason, and the one that serves goes on. */
import { expect, test } from "vitest";
import { safetensors, temporaryFolder } from "../../support/checkpoints.js";
import { smallGpt2, writeGpt2 } from "../../support/small-gpt2.js";
import { brokenModel, microModel, otherModel, startBucket, type ModelFiles } from "./models.js";
import { startWatchingServer } from "./server.js";

/** Of the fixture micro-gpt2, by the line of shell in docs/model-sources.md. */
const microDigest = "sha256:643443b95a6daacaa7944e01a3724c818f1f486498903d1385c5529b161bec73";

/** With micro-gpt2's tokenizer, and another network. */
async function otherNetwork(fields: Parameters<typeof smallGpt2>[0]): Promise<ModelFiles> {
  const folder = await temporaryFolder();
  await writeGpt2(folder, smallGpt2({ n_embd: 64, n_head: 4, vocab_size: 600, ...fields }));
  return new Map([...(await microModel()), ...(await microModel(folder))]);
}

async function cutOff(): Promise<ModelFiles> {
  const files = await microModel();
  return files.set("model.safetensors", files.get("model.safetensors")?.subarray(0, 100_000) ?? Buffer.of());
}

const replaced = async (name: string, content: Buffer): Promise<ModelFiles> => (await microModel()).set(name, content);

const limits = ["--max-sequence-length=96", "--kv-memory=300Ki"];

const bad: readonly (readonly [string, () => Promise<ModelFiles>, string, RegExp])[] = [
  ["cut-off weights", cutOff, "unloadable", /model\.safetensors: .* truncated/],
  ["no weights", () => replaced("model.safetensors", safetensors({})), "unloadable", /missing tensor wte/],
  ["another architecture", () => replaced("config.json", Buffer.from('{"model_type": "t5"}')), "unloadable", /t5/],
  ["a broken tokenizer", () => replaced("tokenizer.json", Buffer.from("{")), "unloadable", /tokenizer\.json/],
  ["logits that are no numbers", brokenModel, "token-check", /logits that are NaN or infinite/],
  ["too few positions", () => otherNetwork({ n_positions: 64 }), "settings", /has 64 positions, and .* asks for 96/],
  [
    "too large a KV cache",
    () => otherNetwork({ n_layer: 12, n_positions: 96 }),
    "memory",
    /one sequence of 96 tokens needs 589824 bytes of KV cache, the KV memory setting allows 307200/,
  ],
];

test("models that are no good are refused with their reasons in health, metric and log, and a good one is taken after them", async () => {
  const bucket = await startBucket(await microModel());
  const server = await startWatchingServer(bucket.uri, ...limits);
  let last: string | undefined;
  for (const [name, make, reason, message] of bad) {
    bucket.upload(await make());
    const { model, refused } = await server.until((health) => health.refused?.digest !== last);
    last = refused?.digest;
    expect(model, name).toEqual({ id: "tuned", digest: microDigest });
    const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string;
    expect(refused, name).toEqual({ reason, message: expect.stringMatching(message) as string, digest });
    const series = /^ortler_model_refused_info.*$/gm.exec(await server.metrics());
    expect(String(series)).toBe(`ortler_model_refused_info{digest="${last}",reason="${reason}"} 1`);
  }
  const told = server.logged.filter((line) => line.startsWith("a new model is refused"));
  expect(told).toEqual(bad.map(([, , reason]) => expect.stringContaining(`"reason":"${reason}"`) as string));
  bucket.upload(await otherModel(2));
  expect((await server.until((health) => health.refused === undefined)).model.digest).not.toBe(microDigest);
  const metrics = await server.metrics();
  expect(metrics).toContain(`ortler_model_swaps_total{result="refused"} ${bad.length}`);
  expect(metrics).not.toContain("ortler_model_refused_info{");
});

test("--model-digest refuses every other model", async () => {
  const bucket = await startBucket(await microModel());
  const server = await startWatchingServer(bucket.uri, `--model-digest=${microDigest}`);
  bucket.upload(await otherModel(1));
  const { model, refused } = await server.until((health) => health.refused !== undefined);
  expect(model.digest).toBe(microDigest);
  expect(refused?.message).toMatch(/--model-digest asks for/);
});

test("the model that serves, uploaded again behind a refused one, ends the refusal and is not loaded again", async () => {
  const first = await microModel();
  const bucket = await startBucket(first);
  const server = await startWatchingServer(bucket.uri);
  bucket.upload(await brokenModel());
  await server.until((health) => health.refused !== undefined);
  bucket.upload(first);
  expect(await server.until((health) => health.refused === undefined)).toEqual({
    model: { id: "tuned", digest: microDigest },
  });
  const metrics = await server.metrics();
  expect(metrics).not.toContain("ortler_model_refused_info{");
  expect(metrics).not.toContain('{result="swapped"}');
});

test("a refused model that is uploaded again as it was is not tried again", async () => {
  const bucket = await startBucket(await microModel());
  const server = await startWatchingServer(bucket.uri);
  const broken = await brokenModel();
  bucket.upload(broken);
  await server.until((health) => health.refused !== undefined);
  bucket.upload(new Map([...broken].reverse())); // another manifest of the same files
  await server.untilLogged("the model was uploaded again as it was");
  expect(await server.metrics()).toContain('ortler_model_swaps_total{result="refused"} 1');
});
