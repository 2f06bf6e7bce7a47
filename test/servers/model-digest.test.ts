/** A model's digest, from the setting to everything that tells it. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  ModelInfoRequestSchema,
  ModelInfoResponseSchema,
} from "../../src/api/grpc/generated/caikit_data_model/common/runtime_pb.js";
import {
  ModelMetadataRequestSchema,
  ModelMetadataResponseSchema,
} from "../../src/api/grpc/generated/inference/grpc_service_pb.js";
import { startService, type Service } from "../../src/assemble.js";
import { loadOptions } from "../../src/config/load.js";
import { settings } from "../../src/config/settings.js";
import { createLogger } from "../../src/telemetry/log.js";
import { copyCheckpoint, fixture, temporaryFolder } from "../support/checkpoints.js";
import { serveFiles, startServer } from "../support/file-server.js";
import { encode, only, RawClient } from "../support/grpc.js";

/** Of the fixture micro-gpt2, by the line of shell in docs/model-sources.md. */
const micro = "sha256:643443b95a6daacaa7944e01a3724c818f1f486498903d1385c5529b161bec73";
const other = `sha256:${"0".repeat(64)}`;

interface Started extends Service {
  readonly logged: string[];
  readonly get: (path: string) => Promise<string>;
  readonly complete: (fields: object) => Promise<string>;
  /** Of the metric, as soon as it is there. */
  readonly told: () => Promise<string>;
}

/** Everything on one port, until the test ends. */
async function start(...args: readonly string[]): Promise<Started> {
  const { values } = loadOptions({ table: settings, args: ["--host=127.0.0.1", "--port=0", ...args] });
  const logged: string[] = [];
  const note = (message: string, fields: object = {}): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const silent = createLogger({ level: "off", format: "json" });
  const service = await startService(values, { ...silent, info: note, warn: note }).catch((error: unknown) => {
    throw new Error(`${String(error)} after ${logged.map((line) => line.split(" {")[0]).join(", ")}`);
  });
  onTestFinished(() => service.drain(0));
  const base = `http://127.0.0.1:${service.ports["http"] ?? 0}`;
  const get = async (path: string): Promise<string> => (await fetch(base + path)).text();
  const complete = async (fields: object): Promise<string> => {
    const body = JSON.stringify({ prompt: "the whale", max_tokens: 2, ...fields });
    const headers = { "content-type": "application/json" };
    return (await fetch(`${base}/v1/completions`, { method: "POST", headers, body })).text();
  };
  const told = async (): Promise<string> => {
    for (;;) {
      const [series] = /^ortler_model_info.*$/m.exec(await get("/metrics")) ?? [];
      if (series !== undefined) return series;
    }
  };
  return { ...service, logged, get, complete, told };
}

const fingerprintsOf = (answer: string): Set<string> =>
  new Set(Array.from(answer.matchAll(/"system_fingerprint":"([^"]*)"/g), ([, fingerprint = ""]) => fingerprint));

test("a folder is read once it serves; then log, metric, Caikit and Open Inference tell its digest", async () => {
  const { modelDigest, ports, logged, get, told } = await start(`--model=${fixture("micro-gpt2")}`);
  expect(modelDigest).toBeUndefined();
  expect(await told()).toBe(`ortler_model_info{digest="${micro}",dtype="float32",kv_dtype="float32"} 1`);
  const client = new RawClient(ports["grpc"] ?? 0);
  const info = await client.call(
    "/caikit.runtime.info.InfoService/GetModelsInfo",
    encode(ModelInfoRequestSchema, { modelIds: [] }),
    [],
  );
  const inference = await client.call(
    "/inference.GRPCInferenceService/ModelMetadata",
    encode(ModelMetadataRequestSchema, { name: "micro-gpt2" }),
  );
  client.close();
  expect(only(ModelInfoResponseSchema, info).models.map(({ metadata }) => metadata)).toEqual([{ digest: micro }]);
  expect(only(ModelMetadataResponseSchema, inference).properties).toEqual({ digest: micro });
  expect(JSON.parse(await get("/info/models"))).toMatchObject({ models: [{ metadata: { digest: micro } }] });
  expect(JSON.parse(await get("/v2/models/micro-gpt2"))).toMatchObject({ properties: { digest: micro } });
  expect(logged.filter((line) => line.startsWith("model digest "))).toEqual([expect.stringContaining(micro)]);
});

test("every answer has one fingerprint, which the place of the model does not change and the precision does", async () => {
  const first = await start(`--model=${fixture("micro-gpt2")}`);
  const copy = await start(`--model=${await copyCheckpoint()}`, "--model-id=copy");
  const small = await start(`--model=${fixture("micro-gpt2")}`, "--kv-dtype=int8");
  await Promise.all([first, copy, small].map(({ told }) => told()));
  const ofFirst = [await first.complete({}), await first.complete({ stream: true, n: 2 })].map(fingerprintsOf);
  expect(ofFirst[0]).toEqual(new Set([expect.stringMatching(/^fp_[0-9a-f]{12}$/)]));
  expect(ofFirst[1]).toEqual(ofFirst[0]);
  expect(fingerprintsOf(await copy.complete({}))).toEqual(ofFirst[0]);
  expect(fingerprintsOf(await small.complete({}))).not.toEqual(ofFirst[0]);
});

test("a model of the digest that --model-digest asks for is served, and of any other refused before it is loaded", async () => {
  const folder = fixture("micro-gpt2");
  expect((await start(`--model=${folder}`, `--model-digest=${micro}`)).modelDigest).toBe(micro);
  await expect(start(`--model=${folder}`, `--model-digest=${other}`)).rejects.toThrow(
    new Error(
      `ConfigurationError: the model in ${folder} has the digest ${micro}, and --model-digest asks for ${other} after device, model is`,
    ),
  );
});

test("a fetched model has the same digest as a folder, and is refused before it is loaded", async () => {
  const folder = fixture("micro-gpt2");
  const names = await readdir(folder);
  const files = await Promise.all(
    names.map(async (name) => [`/micro-gpt2/${name}`, await readFile(join(folder, name))] as const),
  );
  const { origin } = await startServer(serveFiles(new Map(files)));
  const from = [`--model=${origin}/micro-gpt2/`, `--model-cache=${await temporaryFolder()}`];
  await expect(start(...from, `--model-digest=${other}`)).rejects.toThrow(
    new RegExp(
      `has the digest ${micro}, and --model-digest asks for ${other} after device, model is(, model fetched)?$`,
    ),
  );
  expect((await start(...from, `--model-digest=${micro}`)).modelDigest).toBe(micro);
});

test.each(["sha256:12", "643443b9", `md5:${"0".repeat(32)}`, `sha256:${"g".repeat(64)}`])(
  "--model-digest=%s is refused with the rule",
  (value) => {
    const reading = (): unknown => loadOptions({ table: settings, args: [`--model-digest=${value}`] });
    expect(reading).toThrow(`--model-digest must be sha256: and 64 hexadecimal digits, got "${value}"`);
  },
);

test("a digest may be written in capitals", () => {
  const { values } = loadOptions({ table: settings, args: [`--model-digest=SHA256:${"AB".repeat(32)}`] });
  expect(values.modelDigest).toBe(`sha256:${"ab".repeat(32)}`);
});
