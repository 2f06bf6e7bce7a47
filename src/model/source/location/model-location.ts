/** Where a model is, as parsed from what the operator wrote. Nothing here touches a disk or a network. */
import { fileURLToPath } from "node:url";
import { redactUri } from "../../../config/redact.js";
import { ConfigurationError } from "../../../errors.js";
import { Secret } from "./secret.js";

export interface LocalLocation {
  readonly kind: "local";
  readonly path: string;
}

/** A model of the hub that someone downloaded before, in the folder where Hugging Face's libraries keep them. */
export interface HubCacheLocation {
  readonly kind: "hub-cache";
  /** `owner/model`, or `model` for the oldest ones. */
  readonly model: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** The hub's cache: has folders such as `models--owner--model`. */
  readonly cache: string;
}

export interface S3Location {
  readonly kind: "s3";
  /** Undefined when the environment names the bucket: `s3:///prefix`. */
  readonly bucket: string | undefined;
  /** Empty, or ends with `/`: without it `gpt2` would match the keys of `gpt2-large` too. */
  readonly prefix: string;
}

export interface HuggingFaceLocation {
  readonly kind: "huggingface";
  readonly model: string;
  readonly revision: string;
}

export interface HttpLocation {
  readonly kind: "http";
  /** Ends with `/`; no query, no user. */
  readonly url: string;
  /** Follows the name of every file, `?` included: a signature, for instance. */
  readonly query: Secret | undefined;
}

export type RemoteLocation = S3Location | HuggingFaceLocation | HttpLocation;
export type ModelLocation = LocalLocation | HubCacheLocation | RemoteLocation;

/** Where KServe puts a model, whatever the source, and mounts a claim. */
export const mountedModel = "/mnt/models";

const forms = [
  "a folder",
  "file:///folder",
  "pvc://claim/path",
  "s3://bucket/prefix",
  "hf://owner/model[:revision]",
  "https://host/folder/",
].join(", ");

const parsers: Readonly<Record<string, (rest: string, text: string) => ModelLocation>> = {
  file: (_, text) => ({ kind: "local", path: parseFileUri(text) }),
  pvc: parseClaim,
  s3: parseS3,
  hf: parseHuggingFace,
  http: (_, text) => parseHttp(text),
  https: (_, text) => parseHttp(text),
};

/**
 * Reads a URI, or a path where there is no scheme.
 *
 * @throws {ConfigurationError} naming the text, without what may be secret in it, and what is allowed.
 */
export function parseModelLocation(text: string): ModelLocation {
  const [, scheme, rest] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(text) ?? [];
  if (scheme === undefined || rest === undefined) return { kind: "local", path: text };
  const parse = parsers[scheme.toLowerCase()];
  if (parse !== undefined) return parse(rest, text);
  throw refused(
    text,
    `scheme ${scheme} is not supported; allowed are ${forms}. For other sources give the URI to KServe as storageUri: ` +
      `it copies the model to ${mountedModel}`,
  );
}

/** A location for logs and messages: as one would write it, without secrets. */
export function describeLocation(location: ModelLocation): string {
  switch (location.kind) {
    case "local":
      return location.path;
    case "hub-cache":
      return `${location.model} (${location.revision}) in ${location.cache}`;
    case "s3":
      return `s3://${location.bucket ?? ""}/${location.prefix}`;
    case "huggingface":
      return `hf://${location.model}:${location.revision}`;
    case "http":
      return location.url;
  }
}

function parseFileUri(text: string): string {
  try {
    return fileURLToPath(text);
  } catch {
    throw refused(text, "a file URI is file:///folder, with three slashes and an absolute path");
  }
}

/** The claim is mounted by KServe (`path` of it as the root), so only whether the URI is well formed matters here. */
function parseClaim(rest: string, text: string): LocalLocation {
  if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(\/|$)/.test(rest)) throw refused(text, "a claim is pvc://claim/path");
  return { kind: "local", path: mountedModel };
}

function parseS3(rest: string, text: string): S3Location {
  const [, bucket = "", path = ""] = /^([^/]*)\/*(.*)$/s.exec(rest) ?? [];
  const isBucket = bucket === "" || /^[A-Za-z0-9][\w.-]{1,62}$/.test(bucket);
  if (!isBucket) throw refused(text, `${bucket} is no name of a bucket; allowed is s3://bucket/prefix`);
  const prefix = path.replace(/\/+$/, "");
  return { kind: "s3", bucket: bucket === "" ? undefined : bucket, prefix: prefix === "" ? "" : `${prefix}/` };
}

function parseHuggingFace(rest: string, text: string): HuggingFaceLocation {
  const match = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?::([\w-][\w./-]*))?$/.exec(rest);
  const [, model, revision = "main"] = match ?? [];
  if (model === undefined || revision.includes("..")) throw refused(text, "a model is hf://owner/model[:revision]");
  return { kind: "huggingface", model, revision };
}

function parseHttp(text: string): HttpLocation {
  const url = parseUrl(text);
  if (url === undefined) throw refused(text, "a folder is https://host/folder/");
  if (url.username !== "" || url.password !== "") {
    throw refused(text, "a user or password may not be part of the URL, which is printed; give a bearer token instead");
  }
  const { search } = url;
  url.search = "";
  url.hash = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return { kind: "http", url: url.href, query: search === "" ? undefined : new Secret(search) };
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function refused(text: string, why: string): ConfigurationError {
  return new ConfigurationError(`model ${redactUri(text)}: ${why}`);
}
