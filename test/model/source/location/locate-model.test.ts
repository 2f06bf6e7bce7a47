import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findInHubCache, hubCacheFolder } from "../../../../src/model/source/location/hub-cache.js";
import { locateModel, type Folders } from "../../../../src/model/source/location/locate-model.js";
import { temporaryFolder } from "../../../support/checkpoints.js";

/** A disk with these folders, each with something in it. */
function disk(...paths: readonly string[]): Folders {
  const has = (path: string): boolean => paths.includes(path);
  return { isFolder: has, hasEntries: has };
}
const bare = disk();

describe("the first name that is set wins:", () => {
  const everything = {
    MODEL_NAME: "/mnt/models/artifacts",
    STORAGE_URI: "s3://models/gpt2",
    RUNTIME_LOCAL_MODELS_DIR: "/mnt/models",
  };
  const folders = disk("/mnt/models", "/mnt/models/artifacts");
  const withoutModelName = { ...everything, MODEL_NAME: undefined };
  const caikitOnly = { RUNTIME_LOCAL_MODELS_DIR: "/mnt/models" };

  test.each([
    ["hf://a/b", everything, "--model", { kind: "huggingface" }],
    ["", everything, "MODEL_NAME", { kind: "local", path: "/mnt/models/artifacts" }],
    ["", { ...everything, MODEL_NAME: "" }, "STORAGE_URI", { kind: "s3", bucket: "models", prefix: "gpt2/" }],
    ["", withoutModelName, "STORAGE_URI", { kind: "s3" }],
    ["", caikitOnly, "RUNTIME_LOCAL_MODELS_DIR", { kind: "local", path: "/mnt/models" }],
    ["", {}, "/mnt/models", { kind: "local", path: "/mnt/models" }],
  ])("setting %j, environment %o: %s", (setting, environment, source, location) => {
    expect(locateModel({ setting, environment, folders })).toMatchObject({ source, location });
  });

  test("nothing, when nothing is set or mounted", () => {
    expect(locateModel({ setting: "", environment: {}, folders: bare })).toBeUndefined();
  });

  test("and what it held is told without secrets", () => {
    const located = locateModel({ setting: "https://host/m?sig=hidden", environment: {}, folders: bare });
    expect(located?.text).toBe("https://host/m?****");
  });
});

test("a claim that KServe did not mount is missed where it is expected", () => {
  const located = () => locateModel({ setting: "pvc://claim/gpt2", environment: {}, folders: bare });
  expect(located).toThrow(
    "model pvc://claim/gpt2: the claim is expected as a folder at /mnt/models, where KServe mounts it, and there is none",
  );
  expect(locateModel({ setting: "pvc://claim/gpt2", environment: {}, folders: disk("/mnt/models") })).toMatchObject({
    location: { kind: "local", path: "/mnt/models" },
  });
});

describe("a model name of TGIS", () => {
  const locate = (name: string, folders: Folders, more = {}) =>
    locateModel({ setting: "", environment: { MODEL_NAME: name, HF_HOME: "/tmp/hf", ...more }, folders })?.location;
  const cached = { kind: "hub-cache", model: "org/model", revision: "main", cache: "/tmp/hf/hub" };

  test("is a folder where there is one, else a model of the hub's cache", () => {
    expect(locate("org/model", disk("org/model"))).toEqual({ kind: "local", path: "org/model" });
    expect(locate("org/model", bare)).toEqual(cached);
    expect(locate("org/model", bare, { REVISION: "v1" })).toEqual({ ...cached, revision: "v1" });
    expect(locate("gpt2", bare)).toEqual({ ...cached, model: "gpt2" });
  });

  test("is a folder, missing or not, when it can be nothing else", () => {
    for (const path of ["/models/gpt2", "./gpt2", "a/b/c", "a/../b"]) {
      expect(locate(path, bare)).toEqual({ kind: "local", path });
    }
  });

  test.each(["model.gguf", "models/gpt2-q8_0.gguf"])("is a file when it ends like GGUF: %s", (setting) => {
    const found = locateModel({ setting, environment: {}, folders: bare });
    expect(found?.location).toEqual({ kind: "local", path: setting });
  });

  test("with a revision that leads out of the cache is refused", () => {
    expect(() => locate("org/model", bare, { REVISION: "../../etc" })).toThrow(
      'REVISION must be a branch, a tag or a commit, got "../../etc"',
    );
  });
});

describe("the hub's cache", () => {
  test.each([
    [{ HF_HUB_CACHE: "/a", HF_HOME: "/h" }, "/a"],
    [{ HUGGINGFACE_HUB_CACHE: "/b", HF_HOME: "/h" }, "/b"],
    [{ TRANSFORMERS_CACHE: "/c", HF_HOME: "/h" }, "/c"],
    [{ TRANSFORMERS_CACHE: "/c", HF_HUB_CACHE: "/c" }, "/c"],
    [{ HF_HOME: "/h", HOME: "/home/me" }, "/h/hub"],
    [{ HOME: "/home/me" }, "/home/me/.cache/huggingface/hub"],
  ])("is, by %o, %s", (environment, folder) => expect(hubCacheFolder(environment)).toBe(folder));

  test("is not guessed when its names disagree", () => {
    expect(() => hubCacheFolder({ HF_HUB_CACHE: "/a", TRANSFORMERS_CACHE: "/b" })).toThrow(
      "HF_HUB_CACHE=/a and TRANSFORMERS_CACHE=/b name different folders; set HF_HUB_CACHE only",
    );
  });

  test("gives the snapshot that a branch stands for, or a commit itself", async () => {
    const cache = await temporaryFolder();
    const commit = "0123456789abcdef0123456789abcdef01234567";
    const snapshot = join(cache, "models--org--model/snapshots", commit);
    mkdirSync(snapshot, { recursive: true });
    writeFileSync(join(snapshot, "config.json"), "{}");
    mkdirSync(join(cache, "models--org--model/refs"));
    writeFileSync(join(cache, "models--org--model/refs/main"), commit);
    const location = { kind: "hub-cache", model: "org/model", revision: "main", cache } as const;
    expect(await findInHubCache(location)).toBe(snapshot);
    expect(await findInHubCache({ ...location, revision: commit })).toBe(snapshot);
    await expect(findInHubCache({ ...location, revision: "v2" })).rejects.toThrow(
      `model org/model is no folder here, and the hub's cache does not have it (revision v2, ${cache}/models--org--model/snapshots/v2); hf://org/model downloads it`,
    );
  });
});
