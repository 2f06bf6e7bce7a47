import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../../src/errors.js";
import { parseCaikitConfig } from "../../../src/model/source/caikit-config.js";

const read = (text: string) => parseCaikitConfig(text, "config.yml");

test("reads the config.yml that Caikit wrote", () => {
  expect(read(readFileSync(join(import.meta.dirname, "../../fixtures/micro-gpt2-caikit/config.yml"), "utf8"))).toEqual({
    artifact_path: "artifacts",
    module_id: "f9181353-4ccf-4572-bd1e-f12bcda26792",
    name: "Text Generation",
  });
});

describe("a value", () => {
  test.each([
    ["plain", "name: Text Generation", "Text Generation"],
    ["plain with a comment", "name:   a b   # c", "a b"],
    ["plain with a # inside", "name: a#b", "a#b"],
    ["plain with a colon inside", "name: org/model:v1", "org/model:v1"],
    ["plain that begins with a dash", "name: -x", "-x"],
    ["plain that looks like a number", "name: 2024", "2024"],
    ["single quoted", "name: 'it''s: # {this}'  # not this", "it's: # {this}"],
    ["double quoted", 'name: "a\\tb \\"c\\" \\u00e9" # not this', 'a\tb "c" é'],
    ["empty in quotes", "name: ''", ""],
    ["of a file from Windows", "---\r\nname: a\r\nversion: 1\r\n", "a"],
  ])("is read when it is %s", (_name, text, expected) => {
    expect(read(text)).toEqual({ name: expected });
  });

  test.each(["name:", "name: null", "name: ~", "name: # nothing", "other: x", "", "# nothing\n\n"])(
    "is absent from %j",
    (text) => {
      expect(read(text)).toEqual({});
    },
  );

  test.each([
    ["an anchor", "name: &a x"],
    ["an alias", "name: *a"],
    ["a tag", "name: !!python/object/apply:os.system [id]"],
    ["a block text", "name: |\n  a\n  b"],
    ["a folded text", "name: >-\n  a\n  b"],
    ["a list", "name: [a, b]"],
    ["a mapping", "name: {a: b}"],
    ["a list below", "name:\n- a\n- b"],
    ["a mapping below", "name:\n  a: b"],
    ["a mapping within", "name: a: b"],
    ["a plain text over two lines", "name: a\n  b"],
    ["a quoted text over two lines", "name: 'a\n  b'"],
    ["a quoted text without an end", "name: 'a"],
    ["text after a quoted text", "name: 'a' b"],
    ["a quoted text with a comment stuck to it", "name: 'a'# b"],
    ["an escape that is YAML's own", 'name: "\\x41"'],
    ["a reserved character", "name: @a"],
    ["a tab", "name: a\tb"],
  ])("is refused when it is %s", (_name, text) => {
    expect(() => read(`version: 1\n${text}`)).toThrow(
      new CheckpointError("config.yml: line 2: name must be a text on one line"),
    );
  });
});

describe("keys that nobody asks for", () => {
  test("may have any value, on more than one line too", () => {
    const text = [
      "base_model_config:",
      "  name: not this",
      "  list:",
      "  - module_id: nor this",
      "eos_token: &anchor <|endoftext|>",
      "output_model_types:",
      "- DECODER",
      "verbalizer: '{{input}}",
      "",
      "  name: nor this'",
      "name: this",
    ];
    expect(read(text.join("\n"))).toEqual({ name: "this" });
  });

  test.each([
    ["name: a\nname: b", "config.yml: line 2: name is set a second time"],
    ["other: a\nother: b", "config.yml: line 2: other is set a second time"],
    ["  name: a", "config.yml: line 1: is not `key: value`"],
    ["- name: a", "config.yml: line 1: is not `key: value`"],
    ["a: b\n---\nname: c", "config.yml: line 2: is not `key: value`"],
    ["{name: a}", "config.yml: line 1: is not `key: value`"],
    ["'name': a", "config.yml: line 1: is not `key: value`"],
    ["? name\n: a", "config.yml: line 1: is not `key: value`"],
    ["name:a", "config.yml: line 1: is not `key: value`"],
    ["\tname: a", "config.yml: line 1: is not `key: value`"],
    ["\ufeffname: a", "config.yml: line 1: is not `key: value`"],
    ["<<: *base", "config.yml: line 1: is not `key: value`"],
    ["%YAML 1.2", "config.yml: line 1: is not `key: value`"],
  ])("do not excuse %j", (text, expected) => {
    expect(() => read(text)).toThrow(new CheckpointError(expected));
  });
});
