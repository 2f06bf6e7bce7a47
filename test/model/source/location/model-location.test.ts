import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { redactUri } from "../../../../src/config/redact.js";
import { describeLocation, parseModelLocation } from "../../../../src/model/source/location/model-location.js";

describe("a location", () => {
  test.each([
    ["/models/gpt2", { kind: "local", path: "/models/gpt2" }],
    ["models/gpt2", { kind: "local", path: "models/gpt2" }],
    ["file:///models/my%20gpt2", { kind: "local", path: "/models/my gpt2" }],
    ["file://localhost/models", { kind: "local", path: "/models" }],
    ["pvc://claim/models/gpt2", { kind: "local", path: "/mnt/models" }],
    ["pvc://claim", { kind: "local", path: "/mnt/models" }],
    ["s3://models/gpt2", { kind: "s3", bucket: "models", prefix: "gpt2/" }],
    ["s3://models/a/gpt2//", { kind: "s3", bucket: "models", prefix: "a/gpt2/" }],
    ["S3://models", { kind: "s3", bucket: "models", prefix: "" }],
    ["s3:///gpt2", { kind: "s3", bucket: undefined, prefix: "gpt2/" }],
    ["s3://models/with ? and #", { kind: "s3", bucket: "models", prefix: "with ? and #/" }],
    ["hf://openai-community/gpt2", { kind: "huggingface", model: "openai-community/gpt2", revision: "main" }],
    ["hf://a/b.c:refs/pr/1", { kind: "huggingface", model: "a/b.c", revision: "refs/pr/1" }],
    ["https://host/gpt2", { kind: "http", url: "https://host/gpt2/", query: undefined }],
    ["http://host:81/a%20b/#top", { kind: "http", url: "http://host:81/a%20b/", query: undefined }],
  ])("of %s", (text, location) => expect(parseModelLocation(text)).toEqual(location));

  test("keeps the query of a signed URL, and shows it to nobody", () => {
    const location = parseModelLocation("https://host/gpt2/?sig=hidden&se=2030");
    expect(location).toMatchObject({ url: "https://host/gpt2/" });
    expect(location.kind === "http" ? location.query?.reveal() : undefined).toBe("?sig=hidden&se=2030");
    expect(inspect(location, { showHidden: true }) + JSON.stringify(location) + describeLocation(location)).not.toContain("hidden"); // prettier-ignore
  });

  test.each([
    ["/models/gpt2", "/models/gpt2"],
    ["s3://models/gpt2", "s3://models/gpt2/"],
    ["s3:///gpt2", "s3:///gpt2/"],
    ["hf://a/b", "hf://a/b:main"],
    ["https://host/gpt2?a=b", "https://host/gpt2/"],
  ])("of %s is described as %s", (text, description) => {
    expect(describeLocation(parseModelLocation(text))).toBe(description);
  });
});

test.each([
  [
    "gs://bucket/gpt2",
    "model gs://bucket/gpt2: scheme gs is not supported; allowed are a folder, file:///folder, pvc://claim/path, " +
      "s3://bucket/prefix, hf://owner/model[:revision], https://host/folder/. For other sources give the URI to KServe " +
      "as storageUri: it copies the model to /mnt/models",
  ],
  [
    "file://server/models",
    "model file://server/models: a file URI is file:///folder, with three slashes and an absolute path",
  ],
  ["pvc:///gpt2", "model pvc:///gpt2: a claim is pvc://claim/path"],
  ["s3://my bucket/x", "model s3://my bucket/x: my bucket is no name of a bucket; allowed is s3://bucket/prefix"],
  ["hf://gpt2", "model hf://gpt2: a model is hf://owner/model[:revision]"],
  ["hf://../model", "model hf://../model: a model is hf://owner/model[:revision]"],
  ["hf://a/b:../../c", "model hf://a/b:../../c: a model is hf://owner/model[:revision]"],
  ["https://", "model https://: a folder is https://host/folder/"],
  [
    "https://me:hidden@host/gpt2?sig=hidden",
    "model https://****@host/gpt2?****: a user or password may not be part of the URL, which is printed; give a bearer token instead",
  ],
])("%s is refused with what is allowed", (text, message) => {
  expect(() => parseModelLocation(text)).toThrow(
    expect.objectContaining({ name: "ConfigurationError", message }) as Error,
  );
});

test("a URI is printed without its user and its query, and a path as it is", () => {
  expect(redactUri("https://token@host/a?sig=1#x")).toBe("https://****@host/a?****");
  expect(redactUri("s3://key:secret@models/a?b")).toBe("s3://****@models/a?b");
  expect(redactUri("/models/me@home?")).toBe("/models/me@home?");
});
