/** A MinIO on this machine, for as long as starts from it are measured. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { HarnessError } from "../errors.js";

const keys = { accessKeyId: "ortler-bench", secretAccessKey: "ortler-bench" } as const;
const region = "us-east-1";
const bucket = "models";
const startLimitMs = 20_000;

export class Minio implements AsyncDisposable {
  readonly #client: S3Client;

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly endpoint: string,
  ) {
    this.#client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: keys });
  }

  /**
   * @param binary of `scripts/minio.sh`.
   * @param parent folder in which it keeps what it is given, until it ends.
   * @throws {HarnessError} when it does not come up.
   */
  static async start(binary: string, parent: string): Promise<Minio> {
    await mkdir(parent, { recursive: true });
    const folder = await mkdtemp(path.join(parent, "minio-"));
    const address = `127.0.0.1:${await freePort()}`;
    const env = { HOME: folder, MINIO_ROOT_USER: keys.accessKeyId, MINIO_ROOT_PASSWORD: keys.secretAccessKey };
    const child = spawn(binary, ["server", folder, "--address", address, "--quiet"], { env, stdio: "ignore" });
    const minio = new Minio(child, folder, `http://${address}`);
    await minio.#untilUp();
    await minio.#client.send(new CreateBucketCommand({ Bucket: bucket }));
    return minio;
  }

  /** What a server needs to read from it. */
  get environment(): Readonly<Record<string, string>> {
    return {
      AWS_ENDPOINT_URL: this.endpoint,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    };
  }

  /** Puts the files of a folder into it. @returns where they are: `s3://models/name/`. */
  async upload(folder: string, name: string): Promise<string> {
    for (const file of await readdir(folder)) {
      const source = path.join(folder, file);
      const { size: ContentLength } = await stat(source);
      const object = { Bucket: bucket, Key: `${name}/${file}`, Body: createReadStream(source), ContentLength };
      await this.#client.send(new PutObjectCommand(object));
    }
    return `s3://${bucket}/${name}/`;
  }

  async #untilUp(): Promise<void> {
    const end = performance.now() + startLimitMs;
    while (!(await isUp(this.endpoint))) {
      if (this.child.exitCode !== null) throw new HarnessError(`MinIO ended with code ${this.child.exitCode}`);
      if (performance.now() > end) throw new HarnessError(`MinIO was not up after ${startLimitMs} ms`);
      await setTimeout(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
    if (this.child.exitCode === null) {
      this.child.kill();
      await once(this.child, "exit");
    }
    await rm(this.folder, { recursive: true });
  }
}

async function isUp(endpoint: string): Promise<boolean> {
  return fetch(`${endpoint}/minio/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}
