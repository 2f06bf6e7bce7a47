import { open, rm } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { provideModel, type ProvideOptions } from "../../../src/model/source/provide-model.js";
import { fixture, temporaryFolder } from "../../support/checkpoints.js";

async function provide(path: string, options: Partial<ProvideOptions> = {}) {
  const required = { environment: {}, cacheFolder: await temporaryFolder(), partBytes: 1 << 20, concurrency: 2 };
  return provideModel({ kind: "local", path }, { ...required, ...options });
}

test("a folder of this machine is served where it is, and one that is missing is left to who reads it", async () => {
  const paths = [fixture("micro-gpt2"), "/nowhere/gpt2"];
  const provided = await Promise.all(paths.map((path) => provide(path)));
  expect(provided.map(({ folder, digest }) => [folder, digest])).toEqual(paths.map((path) => [path, undefined]));
});

test.runIf(process.platform === "linux")(
  "a folder that has no path in this container is fetched like one from a store, with a warning",
  async () => {
    const folder = await temporaryFolder();
    const handle = await open(folder);
    onTestFinished(() => handle.close());
    await rm(folder, { recursive: true }); // still open, empty, and nowhere
    const path = `/proc/self/fd/${handle.fd}`;
    const warnings: string[] = [];
    const providing = provide(path, { onWarning: (message) => warnings.push(message) });
    await expect(providing).rejects.toThrow(`file://${path} has no files: is the name right?`);
    expect(warnings).toEqual([expect.stringContaining(`${path} is in the file system of another container`)]);
  },
);
