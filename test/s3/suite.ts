/** What the S3 store promises, held against a server: the tests' own (`npm test`) and MinIO (`npm run test:minio`). */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Environment } from "../../src/config/environment.js";
import { RemoteChangedError, type RemoteFile, type RemoteFolder } from "../../src/model/source/remote-folder.js";
import { parseModelLocation } from "../../src/model/source/location/model-location.js";
import { openS3 } from "../../src/model/source/stores/s3.js";
import { readS3Settings } from "../../src/model/source/stores/s3-settings.js";
import { collect, everythingOf, listed, never, rejection } from "../support/remote.js";

export interface SuiteServer {
  readonly endpoint: string;
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Of the server's certificate, if it has one. */
  readonly authority?: string;
  /** Makes the bucket if need be. */
  put(bucket: string, key: string, content: Uint8Array | string): void | Promise<void>;
  remove(bucket: string, key: string): void | Promise<void>;
  /** Lets anyone list and read the bucket. */
  publish(bucket: string): void | Promise<void>;
  close(): void | Promise<void>;
}

const weights = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff);

/** The environment that a secret of KServe makes for this server. */
function environmentOf({ endpoint, keys, authority }: SuiteServer, folder: string): Environment {
  const bundle = join(folder, "ca.crt");
  if (authority !== undefined) writeFileSync(bundle, authority);
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    ...(authority !== undefined && { AWS_CA_BUNDLE: bundle }),
  };
}

export function open(uri: string, environment: Environment): Promise<RemoteFolder> {
  const location = parseModelLocation(uri);
  if (location.kind !== "s3") throw new Error(`${uri} is not of S3`);
  return openS3(location, readS3Settings(environment), 4);
}

export function describeS3Store(title: string, start: () => Promise<SuiteServer>): void {
  describe(title, () => {
    let server: SuiteServer;
    let environment: Environment;
    const temporary = mkdtempSync(join(tmpdir(), "ortler-s3-"));

    beforeAll(async () => {
      server = await start();
      environment = environmentOf(server, temporary);
      await server.put("models", "gpt2/config.json", "{}");
      await server.put("models", "gpt2/model.safetensors", weights);
      await server.put("models", "gpt2/onnx/a b+c%41 é&<.json", "odd");
      await server.put("models", "gpt2-large/config.json", "not ours");
      await server.put("models", "gpt2/empty.txt", "");
      return () => server.close();
    });
    afterAll(() => rmSync(temporary, { recursive: true }));

    const openModel = (): Promise<RemoteFolder> => open("s3://models/gpt2", environment);
    const listModel = async (): Promise<{ folder: RemoteFolder; file: RemoteFile }> => {
      const folder = await openModel();
      return { folder, file: await listed(folder, "model.safetensors") };
    };

    test("lists the folder's files with their sizes and versions, without empty ones and those of a longer name", async () => {
      const folder = await openModel();
      const files = await folder.list(never);
      expect(folder.uri).toBe("s3://models/gpt2/");
      expect(files.map(({ path, byteLength }) => [path, byteLength])).toEqual([
        ["config.json", 2],
        ["model.safetensors", 300_000],
        ["onnx/a b+c%41 é&<.json", 3],
      ]);
      expect(files.map(({ version }) => version)).toEqual(
        files.map(() => expect.stringMatching(/^"[0-9a-f]{32}"$/) as string),
      );
    });

    test("reads an object whose key needs escaping", async () => {
      const folder = await openModel();
      const file = await listed(folder, "onnx/a b+c%41 é&<.json");
      expect((await collect(folder, file, 0, 3)).toString()).toBe("odd");
    });

    test.each([
      [0, 300_000],
      [0, 1],
      [299_999, 300_000],
      [100_000, 217_003],
      [5, 5],
    ])("reads exactly the bytes [%i, %i)", async (first, end) => {
      const { folder, file } = await listModel();
      const bytes = await collect(folder, file, first, end);
      expect(bytes.equals(weights.subarray(first, end))).toBe(true);
    });

    test("lists nothing where there is nothing", async () => {
      const folder = await open("s3://models/gpt3/", environment);
      expect(await folder.list(never)).toEqual([]);
    });

    test("lists a folder of more objects than one page holds", async () => {
      const names = Array.from({ length: 1001 }, (_, index) => `${String(index).padStart(4, "0")}.bin`);
      for (let first = 0; first < names.length; first += 64) {
        await Promise.all(
          names.slice(first, first + 64).map(async (name) => server.put("pages", `many/${name}`, name)),
        );
      }
      const folder = await open("s3://pages/many", environment);
      expect((await folder.list(never)).map(({ path }) => path)).toEqual(names);
    });

    test("notices that an object was replaced or removed after it was listed", async () => {
      await server.put("changing", "m/model.bin", "one");
      const folder = await open("s3://changing/m", environment);
      const file = await listed(folder, "model.bin");
      await server.put("changing", "m/model.bin", "two");
      expect(await rejection(collect(folder, file, 0, 3))).toEqual(new RemoteChangedError("model.bin"));
      await server.remove("changing", "m/model.bin");
      expect(await rejection(collect(folder, file, 0, 3))).toEqual(new RemoteChangedError("model.bin"));
    });

    test("names a bucket that does not exist, and the server", async () => {
      const folder = await open("s3://modles/gpt2", environment);
      expect(await rejection(folder.list(never))).toMatchObject({
        name: "RemoteError",
        isTransient: false,
        message: `s3://modles/ at ${server.endpoint}: there is no bucket modles`,
      });
    });

    test.each([
      ["AWS_ACCESS_KEY_ID", "AKIDNOBODYKNOWS", "the access key id is not known there (AWS_ACCESS_KEY_ID)"],
      [
        "AWS_SECRET_ACCESS_KEY",
        "not-the-secret-key",
        "the secret access key is not the one of the access key id (AWS_SECRET_ACCESS_KEY)",
      ],
      ["AWS_REGION", "eu-west-1", "bucket models is in region us-east-1, not eu-west-1: set AWS_REGION=us-east-1"],
      ["awsAnonymousCredential", "true", "unsigned requests have no right to list bucket models (s3:ListBucket)"],
    ])("says what is wrong when %s is", async (name, value, why) => {
      const folder = await open("s3://models/gpt2", { ...environment, [name]: value });
      expect(await rejection(folder.list(never))).toMatchObject({
        isTransient: false,
        message: `s3://models/ at ${server.endpoint}: ${why}`,
      });
    });

    test("lets no error hold a credential", async () => {
      const wrong = { ...environment, AWS_SECRET_ACCESS_KEY: "wrong/secret+key=" };
      const listing = await rejection((await open("s3://models/gpt2", wrong)).list(never));
      const other = await rejection((await open("s3://modles/gpt2", environment)).list(never));
      const said = everythingOf(listing) + everythingOf(other);
      expect(said).toContain("SignatureDoesNotMatch");
      expect(said).not.toMatch(/wrong\/secret|Signature=|AWS4-HMAC/);
      expect(said).not.toContain(server.keys.secretAccessKey);
    });

    test("reads a public bucket without credentials", async () => {
      await server.put("public", "m/config.json", "{}");
      await server.publish("public");
      const unsigned = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", awsAnonymousCredential: "true" };
      const folder = await open("s3://public/m", { ...environment, ...unsigned });
      const file = await listed(folder, "config.json");
      expect((await collect(folder, file, 0, 2)).toString()).toBe("{}");
    });

    test("stops a read when it is told to", async () => {
      const { folder, file } = await listModel();
      const abort = new AbortController();
      const pieces = folder.read(file, 0, file.byteLength, abort.signal)[Symbol.asyncIterator]();
      await pieces.next();
      abort.abort(new Error("enough"));
      const drain = async (): Promise<void> => {
        while ((await pieces.next()).done !== true);
      };
      await expect(drain()).rejects.toThrow("enough");
    });
  });
}

/** For a server with a certificate that nothing else vouches for. */
export function describeS3OverTls(title: string, start: () => Promise<SuiteServer>): void {
  describe(title, () => {
    let server: SuiteServer;
    let environment: Environment;
    const temporary = mkdtempSync(join(tmpdir(), "ortler-s3-tls-"));
    beforeAll(async () => {
      server = await start();
      environment = environmentOf(server, temporary);
      await server.put("models", "gpt2/config.json", "{}");
      return () => server.close();
    });
    afterAll(() => rmSync(temporary, { recursive: true }));

    test("is refused without its authority, naming the settings that help", async () => {
      const folder = await open("s3://models/gpt2", { ...environment, AWS_CA_BUNDLE: "" });
      expect(await rejection(folder.list(never))).toMatchObject({
        isTransient: false,
        message:
          `s3://models/ at ${server.endpoint}: the server has a certificate of an authority that is not trusted; ` +
          "set AWS_CA_BUNDLE to a PEM file with its authority, or S3_VERIFY_SSL=0 to trust any certificate",
      });
    });

    test("is trusted with AWS_CA_BUNDLE, or with S3_VERIFY_SSL=0", async () => {
      const trusting = [environment, { ...environment, AWS_CA_BUNDLE: "", S3_VERIFY_SSL: "0" }];
      const folders = await Promise.all(trusting.map((each) => open("s3://models/gpt2", each)));
      const lists = await Promise.all(folders.map((folder) => folder.list(never)));
      expect(lists.map(([file]) => file?.path)).toEqual(["config.json", "config.json"]);
    });
  });
}
