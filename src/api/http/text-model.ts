import type { Engine } from "../../engine/engine.js";
import type { TokenDetail, TopToken } from "../../engine/request.js";
import type { Model } from "../../model/index.js";
import type { Current } from "../current.js";
import type { Logger } from "../log.js";
import type { TextEngine } from "../text-engine.js";

/** What the APIs that list tokens need of the model. */
export type TextModel = Pick<Model, "id"> & {
  readonly tokenizer: Pick<Model["tokenizer"], "bytesOf" | "specialTokenIds">;
};

/** What one answer is made with. */
export interface TextServing {
  readonly engine: TextEngine & Pick<Engine, "limits">;
  readonly model: TextModel;
}

/** What the HTTP APIs for text generation are made of. */
export interface TextApiOptions {
  readonly current: Current<TextServing>;
  readonly log: Logger;
}

/** Text of the tokens, joined; special tokens have none. */
export function textOf(tokenIds: readonly number[], { tokenizer }: Pick<TextModel, "tokenizer">): string {
  return Buffer.concat(tokenIds.map((id) => tokenizer.bytesOf(id))).toString();
}

/** A token in the shape that TGI and the generate extension share. */
export interface Token {
  readonly id: number;
  readonly text: string;
  /** `null` for the first token of a prompt, of which the model says nothing. */
  readonly logprob: number | null;
  readonly special: boolean;
}

/**
 * @param text what the token added to the text; a special token, which adds none, is told by its name.
 */
export function toToken(
  { id, piece, logprob }: TokenDetail | TopToken,
  { tokenizer }: Pick<TextModel, "tokenizer">,
  text = textOf([id], { tokenizer }),
): Token {
  const special = tokenizer.specialTokenIds.has(id);
  return { id, text: text === "" && special ? piece : text, logprob: Number.isNaN(logprob) ? null : logprob, special };
}
