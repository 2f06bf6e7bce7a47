/** Makes the AWS SDK's client. */
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { readAuthorityFile } from "./authority-file.js";
import { poolSize } from "./pool-size.js";
import type { S3Settings } from "./s3-settings.js";

/** @throws {ConfigurationError} when the CA bundle cannot be read. */
export async function createS3Client(settings: S3Settings, connections: number): Promise<S3Client> {
  // Which Node runs us is the image's business; the warning would be in every start's log.
  // eslint-disable-next-line no-restricted-properties -- the SDK has no other way to be told
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  return new S3Client(clientConfig(settings, connections, await readAuthorities(settings.ca)));
}

function clientConfig(settings: S3Settings, connections: number, ca: string | undefined): S3ClientConfig {
  const agent = { keepAlive: true, maxSockets: poolSize(connections) };
  return {
    region: settings.region,
    ...(settings.endpoint !== undefined && { endpoint: settings.endpoint }),
    forcePathStyle: settings.usesPathStyle,
    useAccelerateEndpoint: settings.accelerates,
    followRegionRedirects: false, // the right region is said instead: every start would pay for the detour
    maxAttempts: 1, // the downloader retries, and knows more: which bytes are still missing
    // Checksums cover whole objects, and we read ranges; other servers than Amazon's send odd ones.
    responseChecksumValidation: "WHEN_REQUIRED",
    requestChecksumCalculation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: settings.connectTimeoutMs,
      socketTimeout: settings.readTimeoutMs,
      httpAgent: agent,
      httpsAgent: { ...agent, rejectUnauthorized: settings.verifiesTls, ...(ca !== undefined && { ca }) },
    },
    ...credentialsConfig(settings.credentials),
  };
}

function credentialsConfig(credentials: S3Settings["credentials"]): Partial<S3ClientConfig> {
  if (credentials === "chain") return {};
  if (credentials === "anonymous") {
    return {
      credentials: { accessKeyId: "", secretAccessKey: "" }, // keeps the SDK from looking for some
      signer: { sign: (request) => Promise.resolve(request) },
    };
  }
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return {
    credentials: {
      accessKeyId,
      secretAccessKey: secretAccessKey.reveal(),
      ...(sessionToken !== undefined && { sessionToken: sessionToken.reveal() }),
    },
  };
}

async function readAuthorities(ca: S3Settings["ca"]): Promise<string | undefined> {
  if (ca === undefined) return undefined;
  return "pem" in ca ? ca.pem : readAuthorityFile(ca.file, ca.name);
}
