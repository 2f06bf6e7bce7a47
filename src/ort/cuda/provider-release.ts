import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const chunkBytes = 16 << 20;
/** Longest release that a chunk's end may cut in two. */
const overlapBytes = 32;
/** A release among the constants of a program: a C string. */
const release = /\0(1\.\d+\.\d+)\0/g;

/**
 * The release of ONNX Runtime that a library was built from, which is written in it only as a constant of the program.
 * @param expected is taken when it occurs; otherwise the first that looks like a release.
 * @returns Undefined when nothing in the file looks like one.
 */
export function releaseOf(file: string, expected: string): string | undefined {
  let first: string | undefined;
  for (const text of chunksOf(file)) {
    for (const [, found] of text.matchAll(release)) {
      if (found === expected) return found;
      first ??= found;
    }
  }
  return first;
}

/** The file in pieces that overlap, one character for each byte. */
function* chunksOf(file: string): Generator<string> {
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    const buffer = Buffer.alloc(chunkBytes);
    for (let position = 0; position < size; position += chunkBytes - overlapBytes) {
      const bytes = readSync(descriptor, buffer, 0, chunkBytes, position);
      yield buffer.toString("latin1", 0, bytes);
    }
  } finally {
    closeSync(descriptor);
  }
}
