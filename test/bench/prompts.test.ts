import { expect, test } from "vitest";
import { makePrompts } from "../../bench/engine/prompts.js";
import { loadTokenizer } from "../../src/model/index.js";

test.each(["test/fixtures/micro-gpt2", "models/tiny"])(
  "prompts for %s differ and have the tokens asked for",
  async (folder) => {
    const tokenizer = await loadTokenizer(folder);
    const prompts = makePrompts(tokenizer, 32, 128);
    expect(new Set(prompts.map(({ text }) => text)).size).toBe(32);
    expect(prompts.map(({ text }) => tokenizer.encode(text).length)).toEqual(Array.from({ length: 32 }, () => 128));
  },
);
