import { ExpectedError } from "../errors.js";

/** A rule of a request that was broken, in facts; each API words it as its contract does. */
export type Violation =
  | { readonly rule: "temperature"; readonly value: number; readonly minimum: number }
  | { readonly rule: "top-p"; readonly value: number }
  | { readonly rule: "typical-p"; readonly value: number }
  | { readonly rule: "top-k"; readonly value: number }
  | { readonly rule: "max-new-tokens"; readonly value: number; readonly limit: number }
  | { readonly rule: "min-new-tokens"; readonly value: number; readonly maxNewTokens: number }
  | { readonly rule: "repetition-penalty"; readonly value: number }
  | { readonly rule: "length-penalty"; readonly value: number }
  | { readonly rule: "stop-sequences"; readonly count: number; readonly maxCount: number; readonly maxBytes: number }
  | { readonly rule: "token-details" }
  | { readonly rule: "top-n-tokens"; readonly value: number; readonly limit: number }
  | { readonly rule: "frequency-penalty"; readonly value: number; readonly limit: number }
  | { readonly rule: "presence-penalty"; readonly value: number; readonly limit: number }
  | { readonly rule: "logit-bias"; readonly tokenId: number; readonly value: number }
  | { readonly rule: "logit-bias-token"; readonly tokenId: number; readonly vocabularySize: number }
  | { readonly rule: "prompt-token"; readonly tokenId: number; readonly vocabularySize: number }
  | { readonly rule: "prompt-characters"; readonly characters: number; readonly limit: number }
  | { readonly rule: "empty-prompt" }
  | { readonly rule: "prompt-length"; readonly promptTokens: number; readonly limit: number }
  | {
      readonly rule: "prompt-and-min-length";
      readonly promptTokens: number;
      readonly minNewTokens: number;
      readonly limit: number;
    };

/** The request breaks a rule; `violation` has the facts, `message` says them in our own words. */
export class InvalidRequestError extends ExpectedError {
  readonly kind = "invalid-input";

  constructor(
    readonly violation: Violation,
    message: string,
  ) {
    super(message);
  }
}
