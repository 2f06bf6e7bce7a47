import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import type { Environment } from "../../../../src/config/environment.js";
import { Secret } from "../../../../src/model/source/location/secret.js";
import { s3Names } from "../../../../src/model/source/stores/s3-names.js";
import { readS3Settings } from "../../../../src/model/source/stores/s3-settings.js";

const keys = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };
const config = (fields: object): Environment => ({ STORAGE_CONFIG: JSON.stringify({ type: "s3", ...fields }) });

test("an empty environment means Amazon, its first region, and what the SDK finds", () => {
  expect(readS3Settings({})).toEqual({
    endpoint: undefined,
    region: "us-east-1",
    bucket: undefined,
    credentials: "chain",
    verifiesTls: true,
    ca: undefined,
    usesPathStyle: false,
    accelerates: false,
    connectTimeoutMs: 15_000,
    readTimeoutMs: 30_000,
  });
});

test("what KServe makes of a secret of MinIO is understood", () => {
  const environment = {
    S3_ENDPOINT: "minio.minio.svc:9000",
    AWS_ENDPOINT_URL: "http://minio.minio.svc:9000",
    S3_USE_HTTPS: "0",
    AWS_DEFAULT_REGION: "us-west-2",
    S3_VERIFY_SSL: "0",
    AWS_ACCESS_KEY_ID: "admin",
    AWS_SECRET_ACCESS_KEY: "change-me",
  };
  const { credentials, ...settings } = readS3Settings(environment);
  expect(settings).toMatchObject({
    endpoint: "http://minio.minio.svc:9000",
    region: "us-west-2",
    verifiesTls: false,
    usesPathStyle: true,
  });
  expect(credentials).toMatchObject({ accessKeyId: "admin", sessionToken: undefined });
  expect(credentials).toHaveProperty("secretAccessKey", expect.any(Secret));
});

test("a connection of storage-config is understood, and single fields of it are overridden", () => {
  const connection = {
    bucket: "models",
    region: "eu-west-1",
    endpoint_url: "https://minio:9000",
    access_key_id: "admin",
    secret_access_key: "change-me",
    verify_ssl: "0",
  };
  const environment = {
    ...config(connection),
    STORAGE_OVERRIDE_CONFIG: JSON.stringify({ bucket: "others", region: "" }),
  };
  expect(readS3Settings(environment)).toMatchObject({
    endpoint: "https://minio:9000",
    bucket: "others",
    region: "eu-west-1",
    verifiesTls: false,
    credentials: { accessKeyId: "admin" },
  });
});

describe("each name is read, and wins over those after it", () => {
  const endpoint = (environment: Environment) => readS3Settings(environment).endpoint;
  const ca = (environment: Environment) => readS3Settings(environment).ca;

  test.each([
    [{ ...config({ endpoint_url: "http://a" }), AWS_ENDPOINT_URL_S3: "http://b" }, "http://a"],
    [{ AWS_ENDPOINT_URL_S3: "http://b", AWS_ENDPOINT_URL: "http://c" }, "http://b"],
    [{ AWS_ENDPOINT_URL: "http://c", AWS_S3_ENDPOINT: "http://d" }, "http://c"],
    [{ AWS_S3_ENDPOINT: "http://d/", S3_ENDPOINT: "e" }, "http://d"],
    [{ S3_ENDPOINT: "e:9000" }, "https://e:9000"],
    [{ S3_ENDPOINT: "e:9000", S3_USE_HTTPS: "1" }, "https://e:9000"],
    [{ S3_ENDPOINT: "e:9000", S3_USE_HTTPS: "false" }, "http://e:9000"],
    [{ S3_ENDPOINT: "https://e:9000", S3_USE_HTTPS: "0" }, "https://e:9000"],
    [{ AWS_ENDPOINT_URL: "", AWS_S3_ENDPOINT: "http://gateway/s3/" }, "http://gateway/s3"],
  ])("endpoint: %o", (environment, expected) => expect(endpoint(environment)).toBe(expected));

  test.each([
    [{ ...config({ region: "a" }), AWS_REGION: "b" }, "a"],
    [{ AWS_REGION: "b", AWS_DEFAULT_REGION: "c" }, "b"],
    [{ AWS_DEFAULT_REGION: "c" }, "c"],
  ])("region: %o", (environment, expected) => expect(readS3Settings(environment).region).toBe(expected));

  test.each([
    [{ ...config({ bucket: "a", default_bucket: "b" }), AWS_S3_BUCKET: "c" }, "a"],
    [{ ...config({ default_bucket: "b" }), AWS_S3_BUCKET: "c" }, "b"],
    [{ AWS_S3_BUCKET: "c" }, "c"],
  ])("bucket: %o", (environment, expected) => expect(readS3Settings(environment).bucket).toBe(expected));

  test.each([
    [
      { ...config({ ca_bundle: "/a.crt" }), AWS_CA_BUNDLE: "/b.crt" },
      { file: "/a.crt", name: "STORAGE_CONFIG (ca_bundle)" },
    ],
    [
      { AWS_CA_BUNDLE: "/b.crt", CA_BUNDLE_VOLUME_MOUNT_POINT: "/m" },
      { file: "/b.crt", name: "AWS_CA_BUNDLE" },
    ],
    [{ ...config({ certificate: "PEM" }), CA_BUNDLE_VOLUME_MOUNT_POINT: "/m" }, { pem: "PEM" }],
    [
      { CA_BUNDLE_CONFIGMAP_NAME: "global", CA_BUNDLE_VOLUME_MOUNT_POINT: "/m/" },
      { file: "/m/cabundle.crt", name: "CA_BUNDLE_VOLUME_MOUNT_POINT" },
    ],
    [
      { CA_BUNDLE_CONFIGMAP_NAME: "global" },
      { file: "/etc/ssl/custom-certs/cabundle.crt", name: "CA_BUNDLE_CONFIGMAP_NAME" },
    ],
    [
      { AWS_CA_BUNDLE_CONFIGMAP: "own" },
      { file: "/etc/ssl/custom-certs/cabundle.crt", name: "AWS_CA_BUNDLE_CONFIGMAP" },
    ],
    [
      config({ cabundle_configmap: "own" }),
      { file: "/etc/ssl/custom-certs/cabundle.crt", name: "STORAGE_CONFIG (cabundle_configmap)" },
    ],
  ])("authorities: %o", (environment, expected) => expect(ca(environment)).toEqual(expected));

  test.each([
    [{ S3_VERIFY_SSL: "0" }, false],
    [{ S3_VERIFY_SSL: "False" }, false],
    [{ S3_VERIFY_SSL: "no" }, true],
    [{ ...config({ verify_ssl: "1" }), S3_VERIFY_SSL: "0" }, true],
    [config({ verify_ssl: false }), false],
  ])("verification of certificates: %o", (environment, expected) => {
    expect(readS3Settings(environment).verifiesTls).toBe(expected);
  });

  test.each([
    [{ awsAnonymousCredential: "true", ...keys }, "anonymous"],
    [{ awsAnonymousCredential: "True" }, "anonymous"],
    [{ awsAnonymousCredential: "false" }, "chain"],
    [config({ anonymous: "true" }), "anonymous"],
  ])("unsigned requests: %o", (environment, expected) => {
    expect(readS3Settings(environment).credentials).toBe(expected);
  });

  test.each([
    [
      { S3_ENDPOINT: "minio", S3_USER_VIRTUAL_BUCKET: "true" },
      { usesPathStyle: false, accelerates: false },
    ],
    [
      { S3_ENDPOINT: "minio", S3_USER_VIRTUAL_BUCKET: "false" },
      { usesPathStyle: true, accelerates: false },
    ],
    [{ S3_USE_ACCELERATE: "true" }, { usesPathStyle: false, accelerates: true }],
    [
      { S3_ENDPOINT: "minio", S3_USE_ACCELERATE: "true" },
      { usesPathStyle: true, accelerates: false },
    ],
    [
      { S3_CONNECT_TIMEOUT: "3", S3_READ_TIMEOUT: "0.5" },
      { connectTimeoutMs: 3000, readTimeoutMs: 500 },
    ],
  ])("addressing and patience: %o", (environment, expected) => {
    expect(readS3Settings(environment)).toMatchObject(expected);
  });

  test("keys: both from the JSON, or both from the environment with its session token", () => {
    const text = (environment: Environment): unknown => {
      const { credentials } = readS3Settings(environment);
      if (typeof credentials === "string") return credentials;
      return [credentials.accessKeyId, credentials.secretAccessKey.reveal(), credentials.sessionToken?.reveal()];
    };
    const json = config({ access_key_id: "json-id", secret_access_key: "json-secret" });
    expect(text({ ...json, ...keys, AWS_SESSION_TOKEN: "token" })).toEqual(["json-id", "json-secret", undefined]);
    expect(text({ ...keys, AWS_SESSION_TOKEN: "token" })).toEqual(["id", "secret", "token"]);
    const half = { ...config({ access_key_id: "json-id" }), ...keys };
    expect(() => text(half)).toThrow("STORAGE_CONFIG (access_key_id) is set, its secret access key is not");
  });
});

test("no name means two things", () => {
  const names = Object.values(s3Names).flatMap(({ json, env }): string[] => [...json, ...env]);
  expect(new Set(names).size).toBe(names.length);
});

test.each([
  [
    { STORAGE_CONFIG: "{not json secret" },
    'STORAGE_CONFIG must be a JSON object such as {"type": "s3", "bucket": "models"}',
  ],
  [{ STORAGE_CONFIG: "[]" }, "STORAGE_CONFIG must be a JSON object"],
  [config({ secret_access_key: ["secret"] }), "STORAGE_CONFIG: secret_access_key must be a text"],
  [{ STORAGE_CONFIG: '{"type": "hdfs"}' }, 'STORAGE_CONFIG: type "hdfs" cannot be read; allowed is s3'],
  [{ AWS_ENDPOINT_URL: "ftp://secret" }, "AWS_ENDPOINT_URL must be host:port, http://host:port or https://host:port"],
  [{ AWS_ENDPOINT_URL: "http://me:secret@minio" }, "AWS_ENDPOINT_URL must have no user, password or query in it"],
  [{ AWS_SECRET_ACCESS_KEY: "secret" }, "AWS_SECRET_ACCESS_KEY is set, its access key id is not"],
  [{ S3_READ_TIMEOUT: "soon" }, 'S3_READ_TIMEOUT must be seconds, more than 0, got "soon"'],
])("%o is refused by name, without what may be secret", (environment, message) => {
  expect(() => readS3Settings(environment)).toThrow(message);
  expect(() => readS3Settings(environment)).not.toThrow(/ secret$|"secret"|me:/);
});

test("settings can be printed without giving a secret away", () => {
  const settings = readS3Settings({ ...keys, AWS_SECRET_ACCESS_KEY: "very-hidden", AWS_SESSION_TOKEN: "as-hidden" });
  const { credentials } = settings;
  const printed = [
    inspect(settings, { depth: 9, showHidden: true }),
    JSON.stringify(settings),
    typeof credentials === "string" ? expect.fail("no keys") : String(credentials.secretAccessKey),
  ].join();
  expect(printed).toContain("****");
  expect(printed).not.toMatch(/very-hidden|as-hidden/);
});
