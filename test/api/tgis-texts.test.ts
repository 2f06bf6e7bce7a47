import { expect, test } from "vitest";
import { wordViolation } from "../../src/api/tgis-texts.js";
import type { Violation } from "../../src/engine/violations.js";

const stopText = "can specify at most 6 non-empty stop sequences, each not more than 240 UTF8 bytes";

test.each<[Violation, string]>([
  [{ rule: "temperature", value: 0.01, minimum: 0.05 }, "temperature must be >= 0.05"],
  [{ rule: "top-p", value: 2 }, "top_p must be > 0.0 and <= 1.0"],
  [{ rule: "typical-p", value: 2 }, "typical_p must be <= 1.0"],
  [{ rule: "top-k", value: -1 }, "top_k must be strictly positive"],
  [{ rule: "max-new-tokens", value: 65, limit: 64 }, "max_new_tokens must be <= 64"],
  [{ rule: "min-new-tokens", value: 6, maxNewTokens: 5 }, "min_new_tokens must be <= max_new_tokens"],
  [{ rule: "repetition-penalty", value: -1 }, "repetition_penalty must be > 0.0"],
  [{ rule: "length-penalty", value: 11 }, "length_penalty must be >= 1.0 and <= 10.0"],
  [{ rule: "stop-sequences", count: 7, maxCount: 6, maxBytes: 240 }, stopText],
  [{ rule: "token-details" }, "must request input and/or generated tokens to request extra token detail"],
  [{ rule: "top-n-tokens", value: 11, limit: 10 }, "top_n_tokens (11) must be <= 10"],
  [{ rule: "frequency-penalty", value: 3, limit: 2 }, "frequency_penalty must be >= -2.0 and <= 2.0"],
  [{ rule: "presence-penalty", value: 3, limit: 2 }, "presence_penalty must be >= -2.0 and <= 2.0"],
  [{ rule: "logit-bias", tokenId: 5, value: NaN }, "logit_bias of token 5 must be a number, got NaN"],
  [
    { rule: "logit-bias-token", tokenId: 600, vocabularySize: 600 },
    "logit_bias has token 600, which must be an integer in [0, 600)",
  ],
  [
    { rule: "prompt-token", tokenId: -1, vocabularySize: 600 },
    "input has token -1, which must be an integer in [0, 600)",
  ],
  [{ rule: "prompt-length", promptTokens: 96, limit: 96 }, "input tokens (96) plus prefix length (0) must be < 96"],
  [
    { rule: "prompt-and-min-length", promptTokens: 80, minNewTokens: 17, limit: 96 },
    "input tokens (80) plus prefix length (0) plus min_new_tokens (17) must be <= 96",
  ],
])("words %o as TGIS does, or would", (violation, text) => {
  expect(wordViolation(violation)).toBe(text);
});
