/** AWS Signature Version 4, as a server checks it: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
import { createHash, createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";

export interface Claim {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/** What a request says of its signer; undefined when it is not signed. */
export function readClaim(request: IncomingMessage): Claim | undefined {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)$/;
  const match = pattern.exec(request.headers.authorization ?? "");
  if (match === null) return undefined;
  const [, accessKeyId = "", date = "", region = "", headers = "", signature = ""] = match;
  return { accessKeyId, date, region, signedHeaders: headers.split(";"), signature };
}

/** Whether the request, as it arrived, was signed with `secret`. */
export function isSignedWith(secret: string, claim: Claim, request: IncomingMessage): boolean {
  const scope = `${claim.date}/${claim.region}/s3/aws4_request`;
  const time = String(request.headers["x-amz-date"]);
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(canonicalRequest(claim, request))].join("\n");
  const key = [claim.date, claim.region, "s3", "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${secret}`);
  return hmac(key, text).toString("hex") === claim.signature;
}

function canonicalRequest({ signedHeaders }: Claim, request: IncomingMessage): string {
  const [path = "", query = ""] = (request.url ?? "").split("?");
  const parameters = query
    .split("&")
    .filter((parameter) => parameter !== "")
    .sort();
  const withValues = parameters.map((parameter) => (parameter.includes("=") ? parameter : `${parameter}=`));
  const headers = signedHeaders.map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const bodyHash = String(request.headers["x-amz-content-sha256"]);
  return [request.method, path, withValues.join("&"), headers.join(""), signedHeaders.join(";"), bodyHash].join("\n");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
