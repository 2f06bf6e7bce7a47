import { expect, test } from "vitest";
import { checkListing, describeFound } from "../../../src/model/source/listing.js";

const uri = "s3://models/gpt2/";
const listed = (...paths: string[]) => paths.map((path) => ({ path, byteLength: 1, version: "v1" }));

const hostile: [paths: string[], message: string][] = [
  [["../config.json"], "the path ../config.json has an empty part, . or .. in it"],
  [["a/../../config.json"], "the path a/../../config.json has an empty part, . or .. in it"],
  [["./config.json"], "the path ./config.json has an empty part, . or .. in it"],
  [["a//config.json"], "the path a//config.json has an empty part, . or .. in it"],
  [["/etc/config.json"], "the path /etc/config.json is absolute"],
  [["..\\x.safetensors"], 'the path "..\\\\x.safetensors" has a control character or a backslash in it'],
  [["a\0.gguf"], 'the path "a\\u0000.gguf" has a control character or a backslash in it'],
  [["config.json", "config.json"], "the path config.json is listed twice"],
  [["a.gguf", "a.gguf/config.json"], "the path a.gguf is a file and a folder"],
  [["config.json", "config.json/a/b/merges.txt"], "the path config.json is a file and a folder"],
];
test.each(hostile)("refuses %j by name", (paths, message) => {
  expect(() => checkListing(uri, listed(...paths))).toThrow(`${uri}: refused, because ${message}`);
});

test("refuses names and paths that no file system takes, and shows only their beginning", () => {
  const longName = `${"n".repeat(252)}.gguf`;
  const longPath = `${"n/".repeat(510)}a.gguf`;
  for (const path of [longName, longPath]) {
    const shown = path.slice(0, 200);
    expect(() => checkListing(uri, listed(path))).toThrow(
      `the path ${shown}... is longer than 1024 bytes, or a part of it than 255`,
    );
  }
});

test.each([-1, 0.5, NaN, 2 ** 53])("refuses a length of %d bytes", (byteLength) => {
  const files = [{ path: "config.json", byteLength, version: "v1" }];
  expect(() => checkListing(uri, files)).toThrow(`the path config.json has a length of ${byteLength} bytes`);
});

test("does not mind paths that it will never use", () => {
  const { files } = checkListing(uri, listed("config.json", "../README.md", "/x", "a\\b.txt", "logs/", "logs/.."));
  expect([...files.keys()]).toEqual(["config.json"]);
});

test("describes what was found in a bounded text", () => {
  const many = checkListing(uri, listed(...Array.from({ length: 12 }, (_, index) => `log ${index}`)));
  expect(describeFound(many)).toMatch(/^"log 0", "log 1", .*, "log 9" and 2 more$/);
});
