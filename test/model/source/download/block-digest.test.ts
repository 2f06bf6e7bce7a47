import { createHash } from "node:crypto";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestFile } from "../../../../src/model/source/download/block-digest.js";
import { temporaryFolder } from "../../../support/checkpoints.js";
import { mebibyte, randomBytes } from "../fetching.js";

/** As the record of decisions has it: SHA-256 over the SHA-256 of each 1 MiB. */
function naiveDigest(bytes: Buffer): string {
  const outer = createHash("sha256");
  for (let start = 0; start < bytes.length; start += mebibyte) {
    outer.update(
      createHash("sha256")
        .update(bytes.subarray(start, start + mebibyte))
        .digest(),
    );
  }
  return `sha256:${outer.digest("hex")}`;
}

test.each([0, 1, mebibyte - 1, mebibyte, mebibyte + 1, 5 * mebibyte + 3])(
  "digests a file of %i bytes",
  async (length) => {
    const bytes = randomBytes(length);
    const path = join(await temporaryFolder(), "file");
    await writeFile(path, bytes);
    const handle = await open(path);
    expect(await digestFile(handle, length, new AbortController().signal)).toBe(naiveDigest(bytes));
    await handle.close();
  },
);
