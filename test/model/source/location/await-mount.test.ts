import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { UnavailableError } from "../../../../src/errors.js";
import { awaitMountedModel, isMountAwaited } from "../../../../src/model/source/location/await-mount.js";
import { temporaryFolder } from "../../../support/checkpoints.js";

const async = { MODEL_INIT_MODE: "async" };
const quick = { setting: "", environment: async, limitMs: 10_000, pollMs: 1, onWait: () => undefined };

test("a model that another container brings is waited for, through the link that it comes by", async () => {
  const folder = await temporaryFolder();
  const [mounted, image] = [join(folder, "mounted"), join(folder, "image")];
  const told: string[] = [];
  let isThere = false;
  const bring = async (): Promise<void> => {
    await symlink(image, mounted); // leads nowhere yet
    await mkdir(join(folder, "building"));
    await rename(join(folder, "building"), image); // is empty yet
    await new Promise(setImmediate);
    isThere = true;
    await writeFile(join(image, "config.json"), "{}");
  };
  let bringing: Promise<void> | undefined;
  const onWait = (path: string): void => {
    told.push(path);
    bringing = bring();
  };
  await awaitMountedModel({ ...quick, mounted, onWait });
  expect([told, isThere]).toEqual([[mounted], true]);
  await bringing;
});

test("what is there already is not waited for", async () => {
  const mounted = await temporaryFolder();
  await writeFile(join(mounted, "config.json"), "{}");
  const told: string[] = [];
  expect(isMountAwaited({ ...quick, mounted })).toBe(false);
  await awaitMountedModel({ ...quick, mounted, onWait: (path) => told.push(path) });
  expect(told).toEqual([]);
});

test("what does not come is named when the time is over", async () => {
  const mounted = join(await temporaryFolder(), "missing");
  await expect(awaitMountedModel({ ...quick, mounted, limitMs: 5 })).rejects.toThrow(
    new UnavailableError(
      `no model at ${mounted} after 0.005 s (there is nothing): MODEL_INIT_MODE=async says that another container of ` +
        "this pod brings it, and --model-wait-seconds how long to wait for it",
    ),
  );
});

test("what cannot be opened yet is waited for, and the reason named in the end", async () => {
  const mounted = join(await temporaryFolder(), "loop");
  await symlink(mounted, mounted);
  await expect(awaitMountedModel({ ...quick, mounted, limitMs: 5 })).rejects.toThrow("after 0.005 s (ELOOP)");
});

test.each([
  ["nothing says that a model is brought", "", {}],
  ["all init containers have ended before", "", { MODEL_INIT_MODE: "sync" }],
  ["another folder is named", "/models/gpt2", async],
  ["a store is named", "", { ...async, STORAGE_URI: "s3://models/gpt2" }],
])("nothing is waited for where %s", async (_, setting, environment) => {
  const mounted = join(await temporaryFolder(), "missing");
  expect(isMountAwaited({ setting, environment, mounted })).toBe(false);
  await expect(awaitMountedModel({ ...quick, setting, environment, mounted, limitMs: 0 })).resolves.toBeUndefined();
});

test.each(["", "/artifacts"])("the brought model may be named: its folder%s", async (below) => {
  const mounted = join(await temporaryFolder(), "missing");
  expect(isMountAwaited({ ...quick, setting: mounted + below, mounted })).toBe(true);
  const waiting = awaitMountedModel({ ...quick, setting: mounted + below, mounted, limitMs: 0 });
  await expect(waiting).rejects.toThrow(UnavailableError);
});
