/** Models that can be told from each other by what they answer, and a store that the server watches. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { entryOf, fixture, readSafetensorsFile, safetensors, temporaryFolder } from "../../support/checkpoints.js";
import { Random } from "../../support/random.js";
import { manifestOf } from "../../support/upload-manifest.js";
import { serverKeys, startS3Server, type S3Server } from "../../support/s3-server.js";

/** The files of a model's folder, by name. */
export type ModelFiles = ReadonlyMap<string, Buffer>;

const names = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];

export async function microModel(folder = fixture("micro-gpt2")): Promise<Map<string, Buffer>> {
  const present = (await readdir(folder)).filter((name) => names.includes(name));
  return new Map(await Promise.all(present.map(async (name) => [name, await readFile(join(folder, name))] as const)));
}

/** micro-gpt2 with a bias in front of its head, by which it prefers other tokens; the seed chooses which. */
export async function otherModel(seed: number): Promise<Map<string, Buffer>> {
  const random = new Random(seed);
  return withBias(() => 2 * random.next() - 1);
}

/** One whose every logit is no number. */
export async function brokenModel(): Promise<Map<string, Buffer>> {
  return withBias(() => NaN);
}

async function withBias(valueAt: () => number): Promise<Map<string, Buffer>> {
  const { header, data } = await readSafetensorsFile(join(fixture("micro-gpt2"), "model.safetensors"));
  const [start = 0, end = 0] = entryOf(header, "transformer.ln_f.bias").data_offsets;
  for (let offset = start; offset < end; offset += 4) data.writeFloatLE(valueAt(), offset);
  return new Map(await microModel()).set("model.safetensors", safetensors(header, data));
}

export async function writeModel(files: ModelFiles, name = "model"): Promise<string> {
  const folder = join(await temporaryFolder(), name);
  await mkdir(folder);
  await Promise.all(Array.from(files, async ([file, bytes]) => writeFile(join(folder, file), bytes)));
  return folder;
}

export interface WatchedBucket {
  readonly server: S3Server;
  readonly uri: string;
  /** What has changed, then the manifest. */
  readonly upload: (files: ModelFiles) => void;
}

/** A bucket with one model, in the environment of this process until the test ends. */
export async function startBucket(first: ModelFiles): Promise<WatchedBucket> {
  const server = await startS3Server();
  vi.stubEnv("AWS_ENDPOINT_URL", server.endpoint);
  vi.stubEnv("AWS_ACCESS_KEY_ID", serverKeys.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", serverKeys.secretAccessKey);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    server.close();
  });
  let uploaded: ModelFiles = new Map();
  const upload = (files: ModelFiles): void => {
    const changed = [...files].filter(([name, bytes]) => uploaded.get(name)?.equals(bytes) !== true);
    for (const [name, bytes] of changed) server.put("models", `tuned/${name}`, bytes);
    uploaded = files;
    server.put("models", "tuned/ortler-manifest.json", manifestOf(files));
  };
  upload(first);
  return { server, uri: "s3://models/tuned", upload };
}
