import { CheckpointError } from "../errors.js";
import type { ChatTemplate } from "./checkpoint/chat-template.js";

export interface EncodeOptions {
  /** Whether the tokenizer puts its own tokens around the text; those within the text are found in any case. */
  readonly addSpecialTokens?: boolean;
}

/** Text to token ids and back, as the checkpoint's tokenizer files define it. */
export interface Tokenizer {
  /** The greatest id + 1. */
  readonly vocabularySize: number;
  /** Ids that produce no text when special tokens are skipped. */
  readonly specialTokenIds: ReadonlySet<number>;
  /** Set when the tokenizer puts a begin-of-text token in front of every prompt (`add_bos_token`). */
  readonly beginOfTextId: number | undefined;
  /** Makes prompts of conversations; its prompts bring their special tokens themselves. */
  readonly chatTemplate?: ChatTemplate | undefined;

  /** Ids of `text`, with the tokenizer's special tokens added unless told otherwise. The empty text may give none. */
  encode(text: string, options?: EncodeOptions): number[];

  /**
   * Bytes that the token contributes to the text: empty for special tokens and for ids without an entry.
   * Text is the UTF-8 decoding of the bytes of all tokens, joined.
   */
  bytesOf(id: number): Uint8Array;

  /** Raw vocabulary entry, e.g. `Ġfirst`; empty if the id has none. */
  pieceOf(id: number): string;
}

/**
 * A model may have more embeddings than the tokenizer has ids (they are padded to a round number), never fewer.
 * @throws {CheckpointError} when a prompt could contain an id that the model has no embedding for.
 */
export function checkVocabulary(
  model: { readonly vocabularySize: number },
  tokenizer: Pick<Tokenizer, "vocabularySize">,
): void {
  if (tokenizer.vocabularySize <= model.vocabularySize) return;
  throw new CheckpointError(
    `the tokenizer has ids up to ${tokenizer.vocabularySize - 1}, the model has ${model.vocabularySize} embeddings (vocab_size)`,
  );
}
