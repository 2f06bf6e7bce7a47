import type { Violation } from "../engine/violations.js";

/**
 * The words in which TGIS refuses a request (contract of TGIS, validation table), exact to the byte. Clients of Caikit
 * see them unchanged when Caikit's own checks have passed.
 */
export function wordViolation(violation: Violation): string {
  switch (violation.rule) {
    case "temperature":
      return `temperature must be >= ${violation.minimum}`;
    case "top-p":
      return "top_p must be > 0.0 and <= 1.0";
    case "typical-p":
      return "typical_p must be <= 1.0";
    case "top-k":
      return "top_k must be strictly positive";
    case "max-new-tokens":
      return `max_new_tokens must be <= ${violation.limit}`;
    case "min-new-tokens":
      return "min_new_tokens must be <= max_new_tokens";
    case "repetition-penalty":
      return "repetition_penalty must be > 0.0";
    case "length-penalty":
      return "length_penalty must be >= 1.0 and <= 10.0";
    case "stop-sequences":
      return (
        `can specify at most ${violation.maxCount} non-empty stop sequences, ` +
        `each not more than ${violation.maxBytes} UTF8 bytes`
      );
    case "token-details":
      return "must request input and/or generated tokens to request extra token detail";
    case "top-n-tokens": // TGIS has no limit; these are the words of its successor (vllm-tgis-adapter)
      return `top_n_tokens (${violation.value}) must be <= ${violation.limit}`;
    case "frequency-penalty": // from here to the prompt's tokens: not in TGIS
      return `frequency_penalty must be >= -${violation.limit}.0 and <= ${violation.limit}.0`;
    case "presence-penalty":
      return `presence_penalty must be >= -${violation.limit}.0 and <= ${violation.limit}.0`;
    case "logit-bias":
      return `logit_bias of token ${violation.tokenId} must be a number, got ${violation.value}`;
    case "logit-bias-token":
      return `logit_bias has token ${violation.tokenId}, which must be an integer in [0, ${violation.vocabularySize})`;
    case "prompt-token":
      return `input has token ${violation.tokenId}, which must be an integer in [0, ${violation.vocabularySize})`;
    case "prompt-characters": // not in TGIS
      return `input characters (${violation.characters}) must be <= ${violation.limit}`;
    case "empty-prompt": // TGIS has no text: what an empty prompt does depends on its tokenizer
      return "input must have at least one token";
    case "prompt-length":
      return `input tokens (${violation.promptTokens}) plus prefix length (0) must be < ${violation.limit}`;
    case "prompt-and-min-length":
      return (
        `input tokens (${violation.promptTokens}) plus prefix length (0) ` +
        `plus min_new_tokens (${violation.minNewTokens}) must be <= ${violation.limit}`
      );
  }
}

/** The words for a request that was refused because of the load. */
export const overloaded = "Model is overloaded";

/** The words for a tuned prompt that does not exist: there is no store of them here, so none does. */
export function wordUnknownPrefix(id: string): string {
  return `can't retrieve prompt prefix with id '${id}': prefix id "${id}" not found`;
}

/** The words for what went wrong inside, with `detail` as its cause. */
export function wordFailure(detail: string): string {
  return `Request failed during generation: ${detail}`;
}
