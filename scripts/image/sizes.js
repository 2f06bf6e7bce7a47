/** What takes how much of the image. */
import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";

/** By the first pattern that a path matches. */
const parts = [
  ["Node", /^usr\/local\/bin\/node$/],
  ["ONNX Runtime", /\/onnxruntime-node\//],
  ["system libraries", /^(lib|usr\/lib|etc)/],
  ["model that ships", /\/models\/tiny\//],
  ["licences, bill of materials", /^licenses\/|\/sbom/],
  ["koffi, Swagger UI", /\/node_modules\//],
  ["Ortler", /./],
];

/**
 * @returns for each part its bytes as they lie on a disk and as a registry has them: a tar, compressed by gzip with the
 *   level that builders use.
 */
export async function measure(root) {
  const files = readdirSync(root, { recursive: true }).filter((path) => statSync(join(root, path)).isFile());
  const partOf = (path) => parts.find(([, pattern]) => pattern.test(path))[0];
  const measured = [];
  for (const [name] of parts) {
    const own = files.filter((path) => partOf(path) === name);
    const bytes = own.reduce((sum, path) => sum + statSync(join(root, path)).size, 0);
    measured.push({ name, bytes, compressedBytes: await compressedSize(root, own) });
  }
  return measured;
}

async function compressedSize(root, paths) {
  const tar = spawn("tar", ["--create", "--numeric-owner", "--directory", root, ...paths], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let bytes = 0;
  await pipeline(tar.stdout, createGzip(), async (chunks) => {
    for await (const chunk of chunks) bytes += chunk.length;
  });
  return bytes;
}

/** A line for each part, and the sum. */
export function renderSizes(measured) {
  const sum = (key) => measured.reduce((total, part) => total + part[key], 0);
  const total = { name: "together", bytes: sum("bytes"), compressedBytes: sum("compressedBytes") };
  const line = (name, ...columns) => [name.padEnd(28), ...columns.map((text) => text.padStart(12))].join("");
  return [
    line("part", "MB", "compressed"),
    ...[...measured, total].map((part) => line(part.name, megabytes(part.bytes), megabytes(part.compressedBytes))),
  ].join("\n");
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}
