import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { hubCacheVariables, modelNames } from "../../../../src/model/source/location/names.js";
import { huggingFaceNames } from "../../../../src/model/source/stores/huggingface-settings.js";
import { authorityNames } from "../../../../src/model/source/stores/open-remote.js";
import { s3Names } from "../../../../src/model/source/stores/s3-names.js";

const page = readFileSync("docs/model-sources.md", "utf8");

/** The rows of the first table below a heading, as the cells' texts. */
function tableBelow(heading: string): string[][] {
  const [, section = ""] = page.split(`\n${heading}\n`);
  const lines = section.split("\n");
  const first = lines.findIndex((line) => line.startsWith("|"));
  const rest = lines.slice(first);
  const end = rest.findIndex((line) => !line.startsWith("|"));
  return rest.slice(2, end).map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

test("docs/model-sources.md has every name that says where a model is, in the order in which they win", () => {
  expect(tableBelow("## Which name wins")).toEqual(modelNames.map(({ name, from, meaning }) => [name, from, meaning]));
  expect(hubCacheVariables.filter((name) => !page.includes(name))).toEqual([]);
});

test("docs/model-sources.md has every name of an S3 connection, in the order in which they win", () => {
  const rows = Object.values(s3Names).map(({ json, env, meaning }) => [json.join(", "), env.join(", "), meaning]);
  expect(tableBelow("## S3 and MinIO")).toEqual(rows);
});

test("docs/model-sources.md has every name of the hub's and of the authorities", () => {
  expect(tableBelow("## Hugging Face")).toEqual(huggingFaceNames.map(({ name, meaning }) => [name, meaning]));
  expect(tableBelow("## Certificates of the hub and of web servers")).toEqual(
    authorityNames.map(({ name, meaning }) => [name, meaning]),
  );
});
