/** The settings of an S3 connection, from the environment. Pure: no file is read, nothing is connected. */
import type { Environment } from "../../../config/environment.js";
import { ConfigurationError } from "../../../errors.js";
import { Secret } from "../location/secret.js";
import { s3Names, type S3NameKey } from "./s3-names.js";
import { readStorageConfig } from "./storage-config.js";

export interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret | undefined;
}

export interface S3Settings {
  /** With scheme; undefined for Amazon's own. */
  readonly endpoint: string | undefined;
  readonly region: string;
  /** Of a URI that names none. */
  readonly bucket: string | undefined;
  /** `chain`: what the SDK finds by itself (web identity, profile, instance metadata, ...). */
  readonly credentials: S3Keys | "anonymous" | "chain";
  readonly verifiesTls: boolean;
  /** Authorities to trust instead of the usual ones: a PEM file and the name that gave it, or PEM text. */
  readonly ca: { readonly file: string; readonly name: string } | { readonly pem: string } | undefined;
  /** Bucket in the path, not in the host's name, for which a server within a cluster has no DNS. */
  readonly usesPathStyle: boolean;
  readonly accelerates: boolean;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
}

/** A value, and the name that the operator gave it under. */
interface Found {
  readonly value: string;
  readonly name: string;
}
type Find = (key: S3NameKey) => Found | undefined;

/** @throws {ConfigurationError} naming the variable or key, its value (no secret one) and the rule. */
export function readS3Settings(environment: Environment): S3Settings {
  const sources = [findInJson(environment), findInEnvironment(environment)];
  const find: Find = (key) => sources.map((source) => source(key)).find((found) => found !== undefined);
  const endpoint = readEndpoint(find);
  return {
    endpoint,
    region: find("region")?.value ?? "us-east-1",
    bucket: find("bucket")?.value,
    credentials: isTrue(find("anonymous")) ? "anonymous" : (readKeys(sources) ?? "chain"),
    verifiesTls: !isFalse(find("verifyTls")),
    ca: readAuthorities(find),
    usesPathStyle: endpoint !== undefined && !isTrue(find("virtualHost")),
    accelerates: endpoint === undefined && isTrue(find("accelerate")),
    connectTimeoutMs: readSeconds(find("connectTimeout"), 15) * 1000,
    readTimeoutMs: readSeconds(find("readTimeout"), 30) * 1000,
  };
}

/** The names of the JSON. An empty value counts as not set. */
function findInJson(environment: Environment): Find {
  const fields = readStorageConfig(environment);
  return (key) => {
    for (const json of s3Names[key].json) {
      const field = fields.get(json);
      if (field !== undefined) return { value: field.value, name: `${field.variable} (${json})` };
    }
    return undefined;
  };
}

function findInEnvironment(environment: Environment): Find {
  return (key) => {
    for (const name of s3Names[key].env) {
      const value = environment[name];
      if (value !== undefined && value !== "") return { value, name };
    }
    return undefined;
  };
}

function readEndpoint(find: Find): string | undefined {
  const found = find("endpoint");
  if (found === undefined) return undefined;
  const scheme = isFalse(find("useHttps")) ? "http" : "https";
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(found.value) ? found.value : `${scheme}://${found.value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // What is refused is not printed: it may have a password in it.
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new ConfigurationError(`${found.name} must be host:port, http://host:port or https://host:port`);
  }
  if (url.username !== "" || url.password !== "" || url.search !== "") {
    throw new ConfigurationError(`${found.name} must have no user, password or query in it`);
  }
  return url.href.replace(/\/$/, "");
}

/** Key and secret belong together, so both come from the JSON or both from the environment. */
function readKeys(sources: readonly Find[]): S3Keys | undefined {
  const source = sources.find((find) => find("accessKeyId") ?? find("secretAccessKey"));
  if (source === undefined) return undefined;
  const id = source("accessKeyId");
  const secret = source("secretAccessKey");
  const token = source("sessionToken");
  if (id === undefined) throw new ConfigurationError(`${secret?.name ?? ""} is set, its access key id is not`);
  if (secret === undefined) throw new ConfigurationError(`${id.name} is set, its secret access key is not`);
  return {
    accessKeyId: id.value,
    secretAccessKey: new Secret(secret.value),
    sessionToken: token === undefined ? undefined : new Secret(token.value),
  };
}

/** A file that was named wins over text, and both over what KServe mounts for a whole namespace. */
function readAuthorities(find: Find): S3Settings["ca"] {
  const file = find("caBundle");
  if (file !== undefined) return { file: file.value, name: file.name };
  const text = find("caText");
  if (text !== undefined) return { pem: text.value };
  const configMap = find("caConfigMap");
  const mountPoint = find("caMountPoint");
  const name = (mountPoint ?? configMap)?.name;
  if (name === undefined) return undefined;
  return { file: `${mountPoint?.value.replace(/\/$/, "") ?? "/etc/ssl/custom-certs"}/cabundle.crt`, name };
}

function readSeconds(found: Found | undefined, byDefault: number): number {
  if (found === undefined) return byDefault;
  const value = /^\d+(\.\d+)?$/.test(found.value.trim()) ? Number(found.value) : NaN;
  if (value > 0 && value <= 86_400) return value;
  throw new ConfigurationError(`${found.name} must be seconds, more than 0, got ${JSON.stringify(found.value)}`);
}

/** KServe's own reading: what is not one of these words is the other choice. */
function isTrue(found: Found | undefined): boolean {
  return /^(true|1)$/i.test(found?.value.trim() ?? "");
}

function isFalse(found: Found | undefined): boolean {
  return /^(false|0)$/i.test(found?.value.trim() ?? "");
}
