import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Environment } from "../../../../src/config/environment.js";
import { createAuthority, type Identity } from "../../../support/certificates.js";
import { serverKeys, startS3Server, type S3Server } from "../../../support/s3-server.js";
import { describeS3OverTls, describeS3Store, open, type SuiteServer } from "../../../s3/suite.js";
import { collect, everythingOf, listed, never, rejection } from "../../../support/remote.js";

const authority = createAuthority("tests");

/** The tests' server as the suite wants it. */
async function start(tls?: Identity): Promise<SuiteServer> {
  const server = await startS3Server(tls === undefined ? {} : { tls });
  return { ...server, keys: serverKeys, ...(tls !== undefined && { authority: authority.cert }) };
}

describeS3Store("the tests' S3 server", () => start());
describeS3OverTls("the tests' S3 server over TLS", () => start(authority.issue("s3")));

describe("a server that fails", () => {
  let server: S3Server;
  let environment: Environment;
  beforeEach(async () => {
    server = await startS3Server();
    server.put("models", "gpt2/config.json", "{}");
    server.put("models", "gpt2/model.bin", "0123456789");
    environment = {
      S3_ENDPOINT: server.endpoint,
      AWS_ACCESS_KEY_ID: serverKeys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: serverKeys.secretAccessKey,
    };
  });
  afterEach(() => server.close());

  test.each([
    ["slow-down", true, "the server asks to slow down (SlowDown)"],
    ["internal-error", true, "the server fails (InternalError, status 500)"],
    ["reset", true, "the server broke the connection off"],
    ["no-xml", false, "the answer is not S3's: is the endpoint an S3 server?"],
    ["other-region", false, "bucket models is in region eu-central-1, not us-east-1: set AWS_REGION=eu-central-1"],
  ] as const)("by %s: transient is %s, and the message says what it is", async (fault, isTransient, why) => {
    const folder = await open("s3://models/gpt2", environment);
    server.failNext(fault);
    const message = `s3://models/ at ${server.endpoint}: ${why}`;
    expect(await rejection(folder.list(never))).toMatchObject({ name: "RemoteError", isTransient, message });
    expect(server.requests).toHaveLength(1); // retries are the downloader's
  });

  test("tells how long it wants to be left alone", async () => {
    const folder = await open("s3://models/gpt2", environment);
    server.failNext("slow-down");
    expect(await rejection(folder.list(never))).toMatchObject({ retryAfterMs: 7000 });
  });

  test("in the middle of an object gives what came, and then a transient error", async () => {
    const folder = await open("s3://models/gpt2", environment);
    const file = await listed(folder, "model.bin");
    server.failNext("cut");
    const received: Uint8Array[] = [];
    const reading = async (): Promise<void> => {
      for await (const piece of folder.read(file, 0, 10, never)) received.push(piece);
    };
    expect(await rejection(reading())).toMatchObject({
      isTransient: true,
      message: `s3://models/gpt2/model.bin at ${server.endpoint}: the server broke the connection off`,
    });
    expect(Buffer.concat(received).toString()).toBe("01234");
  });

  test("by silence is transient after S3_READ_TIMEOUT", async () => {
    const folder = await open("s3://models/gpt2", { ...environment, S3_READ_TIMEOUT: "0.2" });
    server.failNext("silence");
    expect(await rejection(folder.list(never))).toMatchObject({
      isTransient: true,
      message: `s3://models/ at ${server.endpoint}: the server does not answer in time`,
    });
  });

  test("to know ranges is not read in parts", async () => {
    const folder = await open("s3://models/gpt2", environment);
    const file = await listed(folder, "model.bin");
    server.failNext("no-ranges");
    expect(await rejection(collect(folder, file, 3, 6))).toMatchObject({
      isTransient: false,
      message: "s3://models/gpt2/: the server ignores ranges, so gpt2/model.bin cannot be read in parts",
    });
  });

  test("to give one file of many names that file", async () => {
    server.deny("models", "gpt2/model.bin");
    const folder = await open("s3://models/gpt2", environment);
    const [config, weights] = [await listed(folder, "config.json"), await listed(folder, "model.bin")];
    expect((await collect(folder, config, 0, 2)).toString()).toBe("{}");
    expect(await rejection(collect(folder, weights, 0, 10))).toMatchObject({
      isTransient: false,
      message: expect.stringContaining(
        "these credentials have no right to read gpt2/model.bin (s3:GetObject)",
      ) as string,
    });
  });

  test("to be there, or to exist at all, is told apart", async () => {
    server.close();
    const nobody = await open("s3://models/gpt2", environment);
    expect(await rejection(nobody.list(never))).toMatchObject({
      isTransient: true,
      message: expect.stringContaining("refuses connections") as string,
    });
    const nowhere = await open("s3://models/gpt2", { ...environment, AWS_ENDPOINT_URL: "http://minio.invalid:9000" });
    expect(await rejection(nowhere.list(never))).toMatchObject({
      message: expect.stringMatching(
        /^s3:\/\/models\/ at http:\/\/minio\.invalid:9000: the server (is no host|cannot be looked up)/,
      ) as string,
    });
  });

  test("to speak TLS is told", async () => {
    const secure = server.endpoint.replace("http:", "https:");
    const folder = await open("s3://models/gpt2", { ...environment, AWS_ENDPOINT_URL: secure });
    expect(await rejection(folder.list(never))).toMatchObject({
      isTransient: false,
      message: expect.stringContaining("does not speak TLS on that port; if it is plain HTTP, say http://") as string,
    });
  });
});

test("a clock that is an hour off is said, and the next try is signed by the server's clock", async () => {
  const server = await startS3Server({ clockAheadMs: 3_600_000 });
  server.put("models", "gpt2/config.json", "{}");
  const folder = await open("s3://models/gpt2", {
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_ACCESS_KEY_ID: serverKeys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: serverKeys.secretAccessKey,
  });
  expect(await rejection(folder.list(never))).toMatchObject({
    isTransient: true,
    message: expect.stringContaining("the clock of this machine and the server's differ too much") as string,
  });
  expect(await folder.list(never)).toHaveLength(1);
  server.close();
});

test("a listing in pages is followed to its end", async () => {
  const server = await startS3Server({ pageSize: 2 });
  for (const name of ["a", "b", "c", "d", "e"]) server.put("models", `m/${name}`, name);
  server.publish("models");
  const folder = await open("s3://models/m", { S3_ENDPOINT: server.endpoint, awsAnonymousCredential: "true" });
  expect((await folder.list(never)).map(({ path }) => path)).toEqual(["a", "b", "c", "d", "e"]);
  expect(server.requests).toHaveLength(3);
  server.close();
});

test("a URI without a bucket takes that of the environment, and is refused without one", async () => {
  const folder = await open("s3:///gpt2", { AWS_S3_BUCKET: "models" });
  expect(folder.uri).toBe("s3://models/gpt2/");
  await expect(open("s3:///gpt2", {})).rejects.toThrow(
    "model s3:///gpt2/ names no bucket, and neither do AWS_S3_BUCKET and STORAGE_CONFIG",
  );
});

test("a CA bundle that is missing stops the start with its name", async () => {
  const opening = open("s3://models/gpt2", { AWS_CA_BUNDLE: "/nowhere/ca.crt" });
  await expect(opening).rejects.toThrow("AWS_CA_BUNDLE: CA bundle /nowhere/ca.crt cannot be read (ENOENT)");
});

test("a session token is hidden like a key", async () => {
  const server = await startS3Server();
  const folder = await open("s3://models/gpt2", {
    S3_ENDPOINT: server.endpoint,
    AWS_ACCESS_KEY_ID: "AKIDOTHER",
    AWS_SECRET_ACCESS_KEY: "some-secret",
    AWS_SESSION_TOKEN: "some-token",
  });
  const said = everythingOf(await rejection(folder.list(never))) + everythingOf(folder);
  expect(said).toContain("InvalidAccessKeyId");
  expect(said).not.toMatch(/some-token|some-secret/);
  server.close();
});
