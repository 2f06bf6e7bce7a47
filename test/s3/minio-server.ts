/** A real MinIO, run by the tests: `npm run test:minio`. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListBucketsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { createAuthority } from "../support/certificates.js";
import type { SuiteServer } from "./suite.js";

const keys = { accessKeyId: "ortler-tests", secretAccessKey: "ortler/tests+secret" } as const;

/** @throws When `MINIO_BINARY` does not name MinIO: these tests are not skipped. */
export async function startMinio(withTls: boolean): Promise<SuiteServer> {
  const binary = process.env["MINIO_BINARY"] ?? "";
  if (binary === "")
    throw new Error("MINIO_BINARY must be the path of a MinIO server: `bash scripts/minio.sh` gives one");
  const folder = mkdtempSync(join(tmpdir(), "ortler-minio-"));
  const authority = withTls ? writeCertificates(folder) : undefined;
  const port = await freePort();
  const endpoint = `${withTls ? "https" : "http"}://127.0.0.1:${port}`;
  const minio = run(binary, folder, port);
  const client = new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: keys,
    requestHandler: authority === undefined ? {} : { httpsAgent: { ca: authority } },
  });
  await untilUp(minio, client);
  return {
    endpoint,
    keys,
    ...(authority !== undefined && { authority }),
    ...operations(client),
    close: async () => {
      client.destroy();
      minio.kill();
      await once(minio, "exit");
      rmSync(folder, { recursive: true });
    },
  };
}

function run(binary: string, folder: string, port: number): ChildProcess {
  const data = join(folder, "data");
  mkdirSync(data);
  const args = ["server", data, "--address", `127.0.0.1:${port}`, "--certs-dir", join(folder, "certs"), "--quiet"];
  const environment = {
    HOME: folder,
    MINIO_ROOT_USER: keys.accessKeyId,
    MINIO_ROOT_PASSWORD: keys.secretAccessKey,
    MINIO_REGION: "us-east-1",
    MINIO_BROWSER: "off",
    MINIO_UPDATE: "off",
  };
  return spawn(binary, args, { env: environment, stdio: "ignore" });
}

/** Where MinIO looks for them. */
function writeCertificates(folder: string): string {
  const authority = createAuthority("MinIO's authority");
  const { cert, key } = authority.issue("minio");
  mkdirSync(join(folder, "certs"));
  writeFileSync(join(folder, "certs/public.crt"), cert);
  writeFileSync(join(folder, "certs/private.key"), key);
  return authority.cert;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}

/** MinIO says nothing to us when it is up, so it is asked until it answers. */
async function untilUp(minio: ChildProcess, client: S3Client): Promise<void> {
  const abort = new AbortController();
  const ended = new Promise<never>((_, reject) => {
    minio.once("error", reject);
    minio.once("exit", (code) => reject(new Error(`MinIO ended with code ${String(code)} before it was up`)));
  });
  try {
    await Promise.race([askUntilAnswered(client, abort.signal), ended]);
  } finally {
    abort.abort();
  }
}

async function askUntilAnswered(client: S3Client, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const error = await client.send(new ListBucketsCommand()).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    if (error === undefined || signal.aborted) return;
    if (performance.now() > deadline) throw new Error("MinIO did not come up within 20 s", { cause: error });
    await setTimeout(50);
  }
}

/** How the suite fills and changes buckets. */
function operations(client: S3Client): Pick<SuiteServer, "put" | "remove" | "publish"> {
  const made = new Map<string, Promise<unknown>>();
  const make = (bucket: string): Promise<unknown> => {
    const making = made.get(bucket) ?? client.send(new CreateBucketCommand({ Bucket: bucket }));
    made.set(bucket, making);
    return making;
  };
  return {
    put: async (bucket, key, content) => {
      await make(bucket);
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: Buffer.from(content) }));
    },
    remove: async (bucket, key) => {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
    publish: async (bucket) => {
      const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
      const allow = { Effect: "Allow", Principal: "*", Action: ["s3:ListBucket", "s3:GetObject"], Resource };
      const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [allow] });
      await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
    },
  };
}
