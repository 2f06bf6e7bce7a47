import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Environment } from "../../../../src/config/environment.js";
import { parseModelLocation } from "../../../../src/model/source/location/model-location.js";
import { RemoteChangedError, type RemoteFolder } from "../../../../src/model/source/remote-folder.js";
import { readHuggingFaceSettings } from "../../../../src/model/source/stores/huggingface-settings.js";
import { openRemote } from "../../../../src/model/source/stores/open-remote.js";
import { temporaryFolder } from "../../../support/checkpoints.js";
import { startServer } from "../../../support/file-server.js";
import { startHub, type HubFile } from "../../../support/hub-server.js";
import { collect, everythingOf, listed, never, rejection } from "../../../support/remote.js";

/** HOME is nowhere, so that nobody's own token is read. */
async function open(uri: string, endpoint: string, more: Environment = {}): Promise<RemoteFolder> {
  const location = parseModelLocation(uri);
  if (location.kind !== "huggingface") throw new Error(`${uri} is not of the hub`);
  return openRemote(location, { environment: { HOME: "/nowhere", HF_ENDPOINT: endpoint, ...more }, connections: 4 });
}

const files = (): Map<string, HubFile> =>
  new Map<string, HubFile>([
    ["config.json", { content: "{}" }],
    ["onnx/model é.json", { content: "odd" }],
    ["model.safetensors", { content: "0123456789", isLarge: true }],
  ]);

describe("a model of the hub", () => {
  test("is listed over all pages, with the versions of git and LFS", async () => {
    const { hub } = await startHub(files());
    const folder = await open("hf://org/model", hub.origin);
    expect(folder.uri).toBe("hf://org/model:main");
    expect(await folder.list(never)).toEqual([
      // `git hash-object` and `sha256sum` of the contents
      { path: "config.json", byteLength: 2, version: "9e26dfeeb6e641a33dae4961196235bdb965b21b" },
      { path: "onnx/model é.json", byteLength: 3, version: expect.stringMatching(/^[0-9a-f]{40}$/) as string },
      {
        path: "model.safetensors",
        byteLength: 10,
        version: "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882",
      },
    ]);
  });

  test("gives small files itself and large ones from elsewhere, where the token does not go", async () => {
    const { hub, cdn } = await startHub(files(), { token: "hf_hidden" });
    const folder = await open("hf://org/model", hub.origin, { HF_TOKEN: "hf_hidden" });
    const read = async (path: string, start: number, end: number) =>
      (await collect(folder, await listed(folder, path), start, end)).toString();
    expect(await read("onnx/model é.json", 0, 3)).toBe("odd");
    expect(await read("model.safetensors", 3, 6)).toBe("345");
    expect(cdn.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
    expect(new Set(hub.requests.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer hf_hidden"]));
  });

  test.each(["config.json", "model.safetensors"])("whose %s was replaced is noticed", async (path) => {
    const changing = files();
    const { hub } = await startHub(changing);
    const folder = await open("hf://org/model", hub.origin);
    const file = await listed(folder, path);
    changing.set(path, { ...(changing.get(path) ?? expect.fail()), content: "another" });
    expect(await rejection(collect(folder, file, 0, 2))).toEqual(new RemoteChangedError(path));
  });

  test("is asked for by its revision, with the slashes of a pull request's escaped", async () => {
    const { hub } = await startHub(files());
    const refused = await rejection((await open("hf://org/model:refs/pr/1", hub.origin)).list(never));
    expect(hub.requests.map(({ url }) => url)).toEqual(["/api/models/org/model/tree/refs%2Fpr%2F1?recursive=true"]);
    expect(refused).toMatchObject({ message: "hf://org/model:refs/pr/1: there is no revision refs/pr/1" });
  });
});

describe("the hub's refusals are explained:", () => {
  test("no such model, or a private one", async () => {
    const { hub } = await startHub(files(), { token: "hf_right" });
    const refused = async (environment: Environment) =>
      rejection((await open("hf://org/model", hub.origin, environment)).list(never));
    expect(await refused({})).toMatchObject({
      isTransient: false,
      message:
        "hf://org/model:main: access denied (status 401); there is no model org/model, or it is private: then set HF_TOKEN",
    });
    const wrong = await refused({ HF_TOKEN: "hf_wrong" });
    expect(wrong).toMatchObject({
      message:
        "hf://org/model:main: access denied (status 401); the token (HF_TOKEN) is not valid, or has no right to read org/model",
    });
    expect(everythingOf(wrong)).not.toContain("hf_wrong");
  });

  test("a model that is not there", async () => {
    const { hub } = await startHub(files());
    const refused = await rejection((await open("hf://org/other", hub.origin)).list(never));
    expect(refused).toMatchObject({ message: `hf://org/other:main: ${hub.origin} has no model org/other` });
  });

  test("a gated model", async () => {
    const { hub } = await startHub(files(), { isGated: true });
    expect(await rejection((await open("hf://org/model", hub.origin)).list(never))).toMatchObject({
      isTransient: false,
      message: `hf://org/model:main: the model is gated: accept its terms at ${hub.origin}/org/model, and set HF_TOKEN to a token of that account`,
    });
  });

  test("a listing that goes on at another host, to which the token would go", async () => {
    const { origin } = await startServer((_, response) =>
      response.writeHead(200, { link: '<https://elsewhere.invalid/page>; rel="next"' }).end("[]"),
    );
    expect(await rejection((await open("hf://org/model", origin)).list(never))).toMatchObject({
      message: "hf://org/model:main: the listing goes on at another host, https://elsewhere.invalid",
    });
  });

  test("an answer that is no listing", async () => {
    const { origin } = await startServer((_, response) => response.end("<html>"));
    expect(await rejection((await open("hf://org/model", origin)).list(never))).toMatchObject({
      message: "hf://org/model:main: the hub's listing is no JSON array",
    });
  });
});

describe("settings", () => {
  const token = async (environment: Environment) => (await readHuggingFaceSettings(environment)).token?.reveal();

  test("the token comes from the first of its names, else from its file, else there is none", async () => {
    const home = await temporaryFolder();
    writeFileSync(join(home, "token"), "of-home\n");
    writeFileSync(join(home, "other"), "of-path\n");
    const HF_HOME = home;
    expect(await token({ HF_TOKEN: "a", HUGGING_FACE_HUB_TOKEN: "b", HF_HOME })).toBe("a");
    expect(await token({ HF_TOKEN: "", HUGGING_FACE_HUB_TOKEN: "b", HF_HOME })).toBe("b");
    expect(await token({ HF_TOKEN_PATH: join(home, "other"), HF_HOME })).toBe("of-path");
    expect(await token({ HF_HOME })).toBe("of-home");
    expect(await token({ HOME: "/nowhere" })).toBeUndefined();
  });

  test("the hub is the public one, or HF_ENDPOINT, which must be a URL", async () => {
    const endpoint = async (text: string) =>
      (await readHuggingFaceSettings({ HOME: "/nowhere", HF_ENDPOINT: text })).endpoint;
    expect(await endpoint("")).toBe("https://huggingface.co");
    expect(await endpoint("https://mirror/hub/")).toBe("https://mirror/hub");
    await expect(endpoint("mirror")).rejects.toThrow(
      "HF_ENDPOINT must be an http or https URL without a user and a query",
    );
    await expect(endpoint("https://me:hidden@mirror")).rejects.not.toThrow(/hidden/);
  });
});
