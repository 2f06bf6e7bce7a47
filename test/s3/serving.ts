/** The whole way of a model from an S3 store to an answer: `ortler serve --model s3://...` as built. */
import { readFileSync, readdirSync } from "node:fs";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TextGenerationTaskRequestSchema } from "../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import { GeneratedTextResultSchema } from "../../src/api/grpc/generated/caikit_data_model/nlp_pb.js";
import { fixture, temporaryFolder } from "../support/checkpoints.js";
import { microModel, otherModel, writeModel, type ModelFiles } from "../servers/watch/models.js";
import { encode, only, RawClient } from "../support/grpc.js";
import { manifestOf } from "../support/upload-manifest.js";
import type { SuiteServer } from "./suite.js";

interface Ready {
  readonly event: string;
  readonly model: string;
  readonly ports: Readonly<Record<string, number>>;
}

/** Starts the server, asks once, and stops it. @returns the model's name, the text and the log. */
async function ask(uri: string, cache: string, environment: Readonly<Record<string, string>>) {
  return serving([`--model=${uri}`, `--model-cache=${cache}`], environment, async (answer) => answer());
}

/**
 * Starts the server, waits until it is ready, and stops it after `use`, which may ask for as many answers as it wants.
 * @returns the model's name, the text that `use` ends with, and the log.
 */
async function serving(
  settings: readonly string[],
  environment: Readonly<Record<string, string>>,
  use: (answer: () => Promise<string>) => Promise<string>,
) {
  const ports = ["grpc", "tgis", "http", "health"].map((name) => `--${name}-port=0`);
  const args = ["dist/cli.js", "serve", "--host=127.0.0.1", ...ports, ...settings];
  const child = spawn(process.execPath, args, { env: { PATH: process.env["PATH"], ...environment } });
  child.stderr.setEncoding("utf8");
  let log = "";
  child.stderr.on("data", (text: string) => (log += text));
  const exited = once(child, "exit");
  for await (const line of createInterface(child.stdout)) {
    const { model, ports: open } = JSON.parse(line) as Ready;
    const client = new RawClient(open["grpc"] ?? 0);
    const request = encode(TextGenerationTaskRequestSchema, { text: prompt, maxNewTokens: 8n, minNewTokens: 8n });
    const text = await use(async () => {
      const answer = await client.call("/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict", request);
      return only(GeneratedTextResultSchema, answer).generatedText;
    });
    client.close();
    child.kill("SIGTERM");
    await exited;
    return { model, text, log };
  }
  throw new Error(`the server ended before it was ready: ${log}`);
}

const prompt = "the whale";

export function describeServing(title: string, start: () => Promise<SuiteServer>): void {
  describe(`a model in ${title}`, () => {
    const folder = fixture("micro-gpt2");
    let server: SuiteServer;
    let expected: string;

    beforeAll(async () => {
      server = await start();
      for (const file of readdirSync(folder))
        await server.put("models", `micro/${file}`, readFileSync(path.join(folder, file)));
      expected = (await ask(folder, "", {})).text;
    });
    afterAll(async () => server.close());

    const keys = (): Record<string, string> => ({
      AWS_ACCESS_KEY_ID: server.keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.keys.secretAccessKey,
      AWS_ENDPOINT_URL: server.endpoint,
    });
    const storageConfig = (): Record<string, string> => ({
      STORAGE_CONFIG: JSON.stringify({
        type: "s3",
        bucket: "models",
        access_key_id: server.keys.accessKeyId,
        secret_access_key: server.keys.secretAccessKey,
        endpoint_url: server.endpoint,
      }),
    });

    test("is fetched and answers as from a folder, with the variables of KServe's secret", async () => {
      const { model, text, log } = await ask("s3://models/micro", await temporaryFolder(), keys());
      expect({ model, text }).toEqual({ model: "micro", text: expected });
      expect(log).not.toContain(server.keys.secretAccessKey);
    });

    test("is fetched with KServe's storage-config, whose bucket the URI need not name", async () => {
      const { text, log } = await ask("s3:///micro", await temporaryFolder(), storageConfig());
      expect(text).toBe(expected);
      expect(log).not.toContain(server.keys.secretAccessKey);
    });

    test("is swapped for a new one once its manifest is there, and every answer is one of the two models'", async () => {
      const next = await otherModel(1);
      const expectedNext = (await ask(await writeModel(next), await temporaryFolder(), {})).text;
      const upload = async (files: ModelFiles): Promise<void> => {
        for (const [file, bytes] of files) await server.put("models", `tuned/${file}`, bytes);
        await server.put("models", "tuned/ortler-manifest.json", manifestOf(files));
      };
      await upload(await microModel());
      const settings = ["--model=s3://models/tuned", `--model-cache=${await temporaryFolder()}`, "--watch"];
      const answers = new Set<string>();
      const { text } = await serving([...settings, "--watch-interval-seconds=0.05"], keys(), async (answer) => {
        answers.add(await answer());
        await upload(next);
        while (!answers.has(expectedNext)) answers.add(await answer());
        return answer();
      });
      expect(text).toBe(expectedNext);
      expect(answers).toEqual(new Set([expected, expectedNext]));
    });

    test("stops the start with the reason when the credentials are wrong", async () => {
      const wrong = { ...keys(), AWS_SECRET_ACCESS_KEY: "not-the-key" };
      await expect(ask("s3://models/micro", await temporaryFolder(), wrong)).rejects.toThrow(
        /cannot start: .*the secret access key is not the one of the access key id/,
      );
    });
  });
}
