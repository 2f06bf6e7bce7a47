import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../../src/errors.js";
import { readZipEntries } from "../../../src/model/checkpoint/zip.js";
import { inMemory, zip, type WrittenEntry } from "../../support/zip.js";

const a: WrittenEntry = { name: "m/a", data: Buffer.from("alpha") };
const b: WrittenEntry = { name: "m/data/b", data: Buffer.from("bravo!") };

/** Name and content of each entry, read from where it is said to lie. */
function contents(file: Buffer): Record<string, string> {
  const entries = [...readZipEntries(inMemory(file)).values()];
  return Object.fromEntries(
    entries.map(({ name, offset, byteLength }) => [name, file.toString("latin1", offset, offset + byteLength)]),
  );
}

function refusal(file: Buffer): string {
  try {
    readZipEntries(inMemory(file));
  } catch (error) {
    if (error instanceof CheckpointError) return error.message;
    throw error;
  }
  return "no error";
}

/** The file with the bytes at the last occurrence of `signature`, plus `at`, replaced. */
function patched(file: Buffer, signature: string, at: number, bytes: readonly number[]): Buffer {
  const copy = Buffer.from(file);
  Buffer.from(bytes).copy(copy, copy.lastIndexOf(signature, undefined, "latin1") + at);
  return copy;
}

describe("a zip file of stored entries", () => {
  test.each([
    ["with 32-bit records", zip([a, b])],
    ["with zip64 records", zip([a, b], { zip64: true })],
    ["with a comment at its end", zip([a, b], { comment: "made by hand" })],
    ["with a comment that looks like an end record", zip([a, b], { comment: "PK\x05\x06" + "\0".repeat(30) })],
  ])("tells where the entries lie %s", (_name, file) => {
    expect(contents(file)).toEqual({ "m/a": "alpha", "m/data/b": "bravo!" });
  });

  test("may be empty, and so may an entry", () => {
    expect(contents(zip([]))).toEqual({});
    expect(contents(zip([{ name: "m/none", data: Buffer.alloc(0) }]))).toEqual({ "m/none": "" });
  });

  test("is read as another implementation wrote it", () => {
    // zipfile of CPython 3.11: z = ZipFile(f, "w"); z.writestr("x/é", b"data"); z.writestr("x/y", b"")
    const file = Buffer.from(
      "UEsDBBQAAAgAADQKeV1j8/OtBAAAAAQAAAAEAAAAeC/DqWRhdGFQSwMEFAAAAAAANAp5XQAAAAAAAAAAAAAAAAMAAAB4L3lQSwECFAMUAAAIAAA0CnldY/PzrQQAAAAEAAAABAAAAAAAAAAAAAAAgAEAAAAAeC/DqVBLAQIUAxQAAAAAADQKeV0AAAAAAAAAAAAAAAADAAAAAAAAAAAAAACAASYAAAB4L3lQSwUGAAAAAAIAAgBjAAAARwAAAAAA",
      "base64",
    );
    expect(contents(file)).toEqual({ "x/é": "data", "x/y": "" });
  });
});

describe("an entry that cannot be used in place", () => {
  test.each([
    [
      "compressed",
      { method: 8 },
      "entry 'm/a' is compressed (zip method 8): tensors can only be used in place, stored as they are",
    ],
    ["encrypted", { flags: 0x0801 }, "entry 'm/a' is encrypted"],
    ["strongly encrypted", { flags: 0x0841 }, "entry 'm/a' is encrypted"],
    ["of two sizes", { storedBytes: 4 }, "entry 'm/a' has 64 bytes, but 4 are stored"],
    [
      "absurdly large",
      { byteLength: 0xfffffffe },
      "entry 'm/a' runs past byte 128, where the next entry or the directory begins",
    ],
    [
      "one byte into its neighbour",
      { byteLength: 65 },
      "entry 'm/a' runs past byte 128, where the next entry or the directory begins",
    ],
    [
      "beyond the file",
      { headerAt: 0xfffffffe },
      "entry 'm/a' runs past byte 198, where the next entry or the directory begins",
    ],
    ["where no header is", { headerAt: 1 }, "entry 'm/a' has no matching zip header at byte 1"],
  ])("is refused: %s", (_name, claim, expected) => {
    // The content of m/a is [64, 128), that of m/data/b [192, 198).
    expect(refusal(zip([{ name: "m/a", data: Buffer.alloc(64), claim }, b]))).toBe(expected);
  });

  test("is refused when two share their bytes", () => {
    const twin = { ...b, claim: { headerAt: 0 }, name: "m/b" };
    expect(refusal(zip([a, twin]))).toBe("entry 'm/a' runs past byte 0, where the next entry or the directory begins");
  });

  test("is refused when a size of more than 32 bits runs past the file", () => {
    const huge = { ...a, claim: { byteLength: Number.MAX_SAFE_INTEGER } };
    expect(refusal(zip([huge], { zip64: true }))).toMatch(/^entry 'm\/a' runs past byte \d+/);
  });

  test("is refused when its zip64 field is missing", () => {
    expect(refusal(zip([{ ...a, claim: { byteLength: 0xffffffff } }]))).toBe(
      "entry 'm/a' has no zip64 field for a value of more than 32 bits",
    );
  });

  test("is refused when it has another name in front of its data", () => {
    expect(refusal(zip([{ ...a, localName: "m/z" }]))).toBe("entry 'm/a' is named 'm/z' at its data");
    expect(refusal(zip([{ ...a, localName: "m/zz" }]))).toBe("entry 'm/a' has no matching zip header at byte 0");
  });

  test("is refused when its name is taken", () => {
    expect(refusal(zip([a, a]))).toBe("has two entries named 'm/a'");
  });

  test.each(["../x", "m/../../x", "m/..", "/etc/passwd", "C:/x", "m\\x", "m/\0", ""])(
    "is refused when named %j",
    (name) => {
      expect(refusal(zip([{ name, data: Buffer.alloc(0) }]))).toContain("is not named like a path inside the archive");
    },
  );

  test("may have dots in its name", () => {
    expect(contents(zip([{ name: "m/.data/a..b", data: Buffer.from("x") }]))).toEqual({ "m/.data/a..b": "x" });
  });
});

describe("a damaged zip file", () => {
  test("is refused when it is cut off anywhere", () => {
    for (const file of [zip([a, b]), zip([a, b], { zip64: true })]) {
      const cuts = Array.from({ length: file.length }, (_, length) => refusal(file.subarray(0, length)));
      expect(new Set(cuts)).toEqual(new Set(["has no zip directory at its end: the file is truncated"]));
    }
  });

  test("is refused when bytes are missing in its middle", () => {
    const file = zip([a, b]);
    expect(refusal(Buffer.concat([file.subarray(0, 64), file.subarray(65)]))).not.toBe("no error");
  });

  test.each([
    ["claims another disk", zip([a], { disk: 1 }), "is one part of a zip archive in several files"],
    [
      "claims another disk in zip64",
      zip([a], { disk: 1, zip64: true }),
      "is one part of a zip archive in several files",
    ],
    [
      "has fewer entries than it says",
      zip([a], { count: 2 }),
      "has a zip directory of 49 bytes, too few for its 2 entries",
    ],
    ["has its directory elsewhere", zip([a], { directoryAt: 0 }), "has no zip directory header at byte 0"],
    [
      "has its directory beyond the file",
      zip([a], { directoryAt: 4000 }),
      "places its zip directory at bytes [4000, 4049), which must end by 118",
    ],
    [
      "has its directory beyond 2^53",
      zip([a], { directoryAt: 2 ** 60, zip64: true }),
      /^places its zip directory at bytes \[1152921504606847000, /,
    ],
    [
      "has no zip64 record",
      patched(zip([a], { zip64: true }), "PK\x06\x06", 0, [0]),
      /^has no zip64 directory record at byte \d+$/,
    ],
    [
      "has a zip64 record beyond the file",
      patched(zip([a], { zip64: true }), "PK\x06\x07", 14, [1]),
      /^places its zip directory at bytes \[/,
    ],
    [
      "has a header cut off",
      patched(zip([a]), "PK\x01\x02", 30, [0xff]),
      "has a zip directory header cut off at byte 69",
    ],
  ])("is refused when it %s", (_name, file, expected) => {
    expect(refusal(file)).toMatch(expected);
  });

  test("is refused for a directory of more than 16 MiB", () => {
    const room = { name: "m/a", data: Buffer.alloc(17 * 2 ** 20) };
    expect(refusal(zip([room], { directoryAt: 0, directoryBytes: room.data.length }))).toBe(
      "has a zip directory of 17825792 bytes; at most 16777216 are read",
    );
  });
});
