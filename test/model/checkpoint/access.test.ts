import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CheckpointError } from "../../../src/errors.js";
import { openCheckpoint } from "../../../src/model/checkpoint/checkpoint.js";
import { copyCheckpoint } from "../../support/checkpoints.js";

const owner = { uid: process.geteuid?.(), gid: process.getegid?.() };
/** Of nobody, as far as the system is concerned. */
const nobody = 65_534;

/** Runs it as a user that file modes hold for, as they do not for root. */
async function asOrdinaryUser<T>(run: (uid: number | undefined) => Promise<T>): Promise<T> {
  if (owner.uid !== 0) return await run(owner.uid);
  process.seteuid?.(nobody);
  try {
    return await run(nobody);
  } finally {
    process.seteuid?.(0);
  }
}

test.each(["model.safetensors", "config.json"])(
  "%s without read rights: who may not read it, and whose it is",
  async (file) => {
    const folder = await copyCheckpoint();
    await chmod(folder, 0o755);
    await chmod(join(folder, file), 0o200);
    const groups = process.getgroups?.().join(", ");
    await asOrdinaryUser(async (uid) => {
      await expect(openCheckpoint(folder)).rejects.toThrow(
        new CheckpointError(
          `${file}: cannot be read by uid ${uid}, gid ${owner.gid} (EACCES): ` +
            `it belongs to uid ${owner.uid}, gid ${owner.gid}, mode 0200; groups of this process: ${groups}`,
        ),
      );
    });
  },
);

test("a folder without read rights is told in the same way", async () => {
  const folder = await copyCheckpoint();
  await chmod(folder, 0o300);
  await asOrdinaryUser(async (uid) => {
    await expect(openCheckpoint(folder)).rejects.toThrow(
      `model folder ${folder} cannot be read by uid ${uid}, gid ${owner.gid} (EACCES): it belongs to uid ${owner.uid},`,
    );
  });
  await chmod(folder, 0o700); // or it could not be removed
});

test("where not even its owner may be seen, only who may not read it is told", async () => {
  const folder = await copyCheckpoint();
  await chmod(folder, 0o400);
  await asOrdinaryUser(async (uid) => {
    await expect(openCheckpoint(join(folder, "within"))).rejects.toThrow(
      new CheckpointError(
        `model folder ${join(folder, "within")} cannot be read by uid ${uid}, gid ${owner.gid} (EACCES)`,
      ),
    );
  });
  await chmod(folder, 0o700);
});
