/**
 * A folder in S3, MinIO, or what speaks their protocol: https://docs.aws.amazon.com/AmazonS3/latest/API/
 *
 * This file brings the AWS SDK, which takes a while to load: `open-remote.ts` imports it only for S3.
 */
import { addAbortSignal, Readable } from "node:stream";
import {
  GetObjectCommand,
  ListObjectsV2Command,
  type _Object as ListedObject,
  type ListObjectsV2CommandOutput,
  type S3Client,
} from "@aws-sdk/client-s3";
import { ConfigurationError } from "../../../errors.js";
import type { S3Location } from "../location/model-location.js";
import { RemoteError, type RemoteFile, type RemoteFolder } from "../remote-folder.js";
import { createS3Client } from "./s3-client.js";
import { describeS3Error, type S3Request } from "./s3-errors.js";
import type { S3Settings } from "./s3-settings.js";

/**
 * @param connections Parts that are read at once: the pool of connections is made for them.
 * @throws {ConfigurationError} when no bucket is named, or the CA bundle cannot be read.
 */
export async function openS3(location: S3Location, settings: S3Settings, connections: number): Promise<RemoteFolder> {
  const bucket = location.bucket ?? settings.bucket;
  if (bucket === undefined) {
    throw new ConfigurationError(
      `model s3:///${location.prefix} names no bucket, and neither do AWS_S3_BUCKET and STORAGE_CONFIG`,
    );
  }
  return new S3Folder(await createS3Client(settings, connections), settings, bucket, location.prefix);
}

class S3Folder implements RemoteFolder {
  readonly uri: string;

  constructor(
    private readonly client: S3Client,
    private readonly settings: S3Settings,
    private readonly bucket: string,
    private readonly prefix: string,
  ) {
    this.uri = `s3://${bucket}/${prefix}`;
  }

  async list(signal: AbortSignal): Promise<readonly RemoteFile[]> {
    const files: RemoteFile[] = [];
    try {
      for await (const page of this.#pages(signal)) {
        const isEncoded = page.EncodingType === "url"; // some servers do not know the parameter
        files.push(...(page.Contents ?? []).flatMap((object) => this.#toFile(object, isEncoded)));
      }
    } catch (error) {
      throw this.#translate(error, { bucket: this.bucket, key: undefined }, signal);
    }
    return files;
  }

  async *read(file: RemoteFile, start: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (start >= end) return;
    const key = this.prefix + file.path;
    try {
      yield* this.#readObject(key, file.version, start, end, signal);
    } catch (error) {
      throw this.#translate(error, { bucket: this.bucket, key, path: file.path }, signal);
    }
  }

  async *#readObject(
    key: string,
    version: string | undefined,
    start: number,
    end: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const command = new GetObjectCommand({
      Bucket: this.bucket,
      Key: key,
      Range: `bytes=${start}-${end - 1}`,
      ...(version !== undefined && { IfMatch: version }),
    });
    const { Body: body, ContentRange: range } = await this.client.send(command, { abortSignal: signal });
    if (!(body instanceof Readable)) return;
    if (range?.startsWith(`bytes ${start}-`) !== true) {
      body.destroy();
      throw new RemoteError(`${this.uri}: the server ignores ranges, so ${key} cannot be read in parts`, false);
    }
    // The SDK lets go of the signal once the answer has begun.
    yield* addAbortSignal(signal, body) as AsyncIterable<Uint8Array>;
  }

  async *#pages(signal: AbortSignal): AsyncGenerator<ListObjectsV2CommandOutput> {
    let token: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        Bucket: this.bucket,
        Prefix: this.prefix,
        EncodingType: "url", // XML cannot hold every key
        ...(token !== undefined && { ContinuationToken: token }),
      });
      const page = await this.client.send(command, { abortSignal: signal });
      yield page;
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  /** Keys that end in `/`, and objects without a byte, are what consoles make to show a folder; KServe skips them, too. */
  #toFile(
    { Key: listedKey = "", Size: byteLength = 0, ETag: version }: ListedObject,
    isEncoded: boolean,
  ): RemoteFile[] {
    const key = isEncoded ? decodeURIComponent(listedKey.replaceAll("+", " ")) : listedKey;
    if (byteLength === 0 || key.endsWith("/") || !key.startsWith(this.prefix)) return [];
    return [{ path: key.slice(this.prefix.length), byteLength, version }];
  }

  #translate(error: unknown, request: S3Request, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    return error instanceof RemoteError ? error : describeS3Error(error, this.settings, request);
  }
}
