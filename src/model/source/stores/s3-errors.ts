/** Turns what the AWS SDK throws into words for the operator: what was asked of whom, what is wrong, what to set. */
import { RemoteChangedError, RemoteError } from "../remote-folder.js";
import { describeNetworkFailure, type NetworkFailure } from "./network-failures.js";
import { parseRetryAfter } from "./retry-after.js";
import type { S3Settings } from "./s3-settings.js";
import { scrubbedCause } from "./scrub.js";
import type { Secret } from "../location/secret.js";

/** One request. */
export interface S3Request {
  readonly bucket: string;
  /** Of the object that is read; undefined when the bucket is listed. */
  readonly key: string | undefined;
  /** Of the object, relative to the folder. */
  readonly path?: string;
}

interface Answer {
  /** S3's word for the error, or the JavaScript error's name. */
  readonly code: string;
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Where the bucket is, if the server says so. */
  readonly region: string | undefined;
  readonly isClockCorrected: boolean;
}

const certificateHelp =
  "set AWS_CA_BUNDLE to a PEM file with its authority, or S3_VERIFY_SSL=0 to trust any certificate";

/** What is wrong, by S3's codes. */
const refusals: Readonly<Record<string, (settings: S3Settings, request: S3Request) => string>> = {
  NoSuchBucket: (_, { bucket }) => `there is no bucket ${bucket}`,
  InvalidBucketName: (_, { bucket }) => `${bucket} cannot be the name of a bucket`,
  InvalidAccessKeyId: () => "the access key id is not known there (AWS_ACCESS_KEY_ID)",
  SignatureDoesNotMatch: () => "the secret access key is not the one of the access key id (AWS_SECRET_ACCESS_KEY)",
  ExpiredToken: () => "the session token has expired (AWS_SESSION_TOKEN)",
  InvalidToken: () => "the session token is not valid (AWS_SESSION_TOKEN)",
  CredentialsProviderError: () =>
    "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or awsAnonymousCredential=true for a public bucket",
  RequestTimeTooSkewed: () => "the clock of this machine and the server's differ too much",
  AccessDenied: (settings, request) => describeDenial(settings, request),
};

const throttled = new Set(["SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"]);

/**
 * @param error What the SDK threw, at the request or while its body was read.
 * @returns A `RemoteChangedError` for an object that was listed and is now gone or another, else a `RemoteError`
 *   without any credential in it or below it.
 */
export function describeS3Error(
  error: unknown,
  settings: S3Settings,
  request: S3Request,
): RemoteError | RemoteChangedError {
  const answer = readAnswer(error);
  if (request.path !== undefined && isChange(answer)) return new RemoteChangedError(request.path);
  const { text, isTransient, isOutage } = judge(error, answer, settings, request);
  return new RemoteError(
    `s3://${request.bucket}/${request.key ?? ""} at ${endpointOf(settings)}: ${text}`,
    isTransient,
    {
      isOutage,
      cause: scrubbedCause(error, secretsOf(settings)),
      retryAfterMs: parseRetryAfter(answer.headers["retry-after"], Date.now()),
    },
  );
}

function isChange({ code, status }: Answer): boolean {
  if (status === 412 || status === 416) return true;
  return status === 404 && code !== "NoSuchBucket";
}

function judge(error: unknown, answer: Answer, settings: S3Settings, request: S3Request): NetworkFailure {
  const { code, status, region, isClockCorrected } = answer;
  const isElsewhere = region !== undefined && region !== settings.region;
  if (isElsewhere && (status === 301 || status === 400)) return permanent(describeRegion(region, settings, request));
  if (throttled.has(code) || status === 429) return transient(`the server asks to slow down (${code})`);
  const refusal = refusals[code] ?? (status === 403 ? refusals["AccessDenied"] : undefined);
  // The SDK takes the server's clock from the answer and signs the next request by it.
  if (refusal !== undefined) return { text: refusal(settings, request), isTransient: isClockCorrected };
  if (status === undefined) return judgeConnection(error);
  if (status >= 500 && status !== 501) return transient(`the server fails (${code}, status ${status})`);
  if (code === "RequestTimeout") return transient("the server waited too long for the request");
  if (status >= 200 && status < 300) return permanent("the answer is not S3's: is the endpoint an S3 server?");
  return permanent(describeStatus(code, status));
}

function judgeConnection(error: unknown): NetworkFailure {
  const failure = describeNetworkFailure(error, certificateHelp);
  if (failure === undefined) return permanent("the request failed");
  return { ...failure, text: `the server ${failure.text}` };
}

function describeStatus(code: string, status: number): string {
  if (status === 301 || status === 307) return `the server sends elsewhere (${code}): check endpoint and region`;
  if (status === 400)
    return `the server does not understand the request (${code}): is the endpoint right, http or https?`;
  return `the server refuses (${code}, status ${status})`;
}

function describeRegion(region: string, settings: S3Settings, { bucket }: S3Request): string {
  return `bucket ${bucket} is in region ${region}, not ${settings.region}: set AWS_REGION=${region}`;
}

function describeDenial({ credentials }: S3Settings, { key, bucket }: S3Request): string {
  const who = credentials === "anonymous" ? "unsigned requests have" : "these credentials have";
  return key === undefined
    ? `${who} no right to list bucket ${bucket} (s3:ListBucket)`
    : `${who} no right to read ${key} (s3:GetObject)`;
}

function permanent(text: string): NetworkFailure {
  return { text, isTransient: false };
}

function transient(text: string): NetworkFailure {
  return { text, isTransient: true };
}

/** The facts of an SDK error, whose shape is not to be relied upon: it comes with whatever the server sent. */
function readAnswer(error: unknown): Answer {
  const metadata = field(error, "$metadata");
  const headers = textFields(field(field(error, "$response"), "headers"));
  const status = field(metadata, "httpStatusCode");
  const region = headers["x-amz-bucket-region"] ?? field(error, "Region");
  const code = field(error, "Code") ?? (error instanceof Error ? error.name : undefined);
  return {
    code: typeof code === "string" ? code : "unknown",
    status: typeof status === "number" ? status : undefined,
    headers,
    region: typeof region === "string" && region !== "" ? region : undefined,
    isClockCorrected: field(metadata, "clockSkewCorrected") === true,
  };
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (Reflect.get(value, name) as unknown) : undefined;
}

function textFields(value: unknown): Readonly<Record<string, string>> {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function endpointOf({ endpoint, region }: S3Settings): string {
  return endpoint ?? `Amazon S3 (${region})`;
}

function secretsOf({ credentials }: S3Settings): Secret[] {
  if (typeof credentials === "string") return [];
  const { secretAccessKey, sessionToken } = credentials;
  return [secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])];
}
