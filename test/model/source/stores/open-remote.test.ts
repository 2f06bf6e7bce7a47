import { expect, test } from "vitest";
import type { RemoteLocation } from "../../../../src/model/source/location/model-location.js";
import { openRemote } from "../../../../src/model/source/stores/open-remote.js";

test.each<[RemoteLocation, string]>([
  [{ kind: "s3", bucket: "models", prefix: "gpt2/" }, "s3://models/gpt2/"],
  [{ kind: "huggingface", model: "org/model", revision: "v1" }, "hf://org/model:v1"],
  [{ kind: "http", url: "https://host/gpt2/", query: undefined }, "https://host/gpt2/"],
])("opens %o without asking the store anything", async (location, uri) => {
  const folder = await openRemote(location, { environment: { HOME: "/nowhere" }, connections: 8 });
  expect(folder.uri).toBe(uri);
});

test("names the variable of a CA bundle that cannot be read", async () => {
  const location = { kind: "http", url: "https://host/", query: undefined } as const;
  const opening = openRemote(location, { environment: { REQUESTS_CA_BUNDLE: "/nowhere/ca.pem" }, connections: 8 });
  await expect(opening).rejects.toThrow("REQUESTS_CA_BUNDLE: CA bundle /nowhere/ca.pem cannot be read (ENOENT)");
});
