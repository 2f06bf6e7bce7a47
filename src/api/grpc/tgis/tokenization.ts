import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Tokenizer } from "../../../model/tokenizer.js";
import type {
  BatchedTokenizeRequest,
  TokenizeResponse_OffsetSchema,
  TokenizeResponseSchema,
} from "../generated/fmaas/generation_pb.js";

type Offset = MessageInitShape<typeof TokenizeResponse_OffsetSchema>;

/** What is asked of each text. */
type TokenizeOptions = Pick<BatchedTokenizeRequest, "returnTokens" | "returnOffsets" | "truncateInputTokens">;

/** The last tokens of the text as it is encoded: unlike a generation's, a truncated input gets no new begin of text. */
export function toTokenizeResponse(
  text: string,
  { returnTokens, returnOffsets, truncateInputTokens }: TokenizeOptions,
  tokenizer: Tokenizer,
): MessageInitShape<typeof TokenizeResponseSchema> {
  const ids = tokenizer.encode(text);
  const first = truncateInputTokens === 0 ? 0 : Math.max(ids.length - truncateInputTokens, 0);
  return {
    tokenCount: ids.length - first,
    tokens: returnTokens ? ids.slice(first).map((id) => tokenizer.pieceOf(id)) : [],
    offsets: returnOffsets ? offsetsOf(ids, text, tokenizer).slice(first) : [],
  };
}

/**
 * Where each token is in the text: [start, end) in bytes of its UTF-8, as TGIS has it. A token with a part of a
 * character counts as the whole character, and one that is not from the text as [0, 0).
 */
function offsetsOf(ids: readonly number[], text: string, tokenizer: Tokenizer): Offset[] {
  const bytes = Buffer.from(text);
  let position = 0;
  return ids.map((id, index) => {
    const isAdded = index === 0 && id === tokenizer.beginOfTextId;
    const length = isAdded ? 0 : lengthAt(position, bytes, id, tokenizer);
    if (length === 0) return { start: 0, end: 0 };
    const start = position;
    position += length;
    return { start: startOfCharacter(bytes, start), end: endOfCharacter(bytes, position) };
  });
}

/** How many bytes of the text at `position` are the token's; 0 when it is not from the text. */
function lengthAt(position: number, text: Buffer, id: number, tokenizer: Tokenizer): number {
  // A special token that the text spells out has no bytes of its own.
  const token = Buffer.from(tokenizer.specialTokenIds.has(id) ? tokenizer.pieceOf(id) : tokenizer.bytesOf(id));
  if (startsWith(token, text, position)) return token.length;
  const isPrefixed = position === 0 && token[0] === space; // some tokenizers put a space in front of the text
  return isPrefixed && startsWith(token.subarray(1), text, position) ? token.length - 1 : 0;
}

const space = 0x20;

function startsWith(token: Buffer, text: Buffer, position: number): boolean {
  return text.subarray(position, position + token.length).equals(token);
}

function startOfCharacter(bytes: Buffer, position: number): number {
  return isInsideCharacter(bytes, position) ? startOfCharacter(bytes, position - 1) : position;
}

function endOfCharacter(bytes: Buffer, position: number): number {
  return isInsideCharacter(bytes, position) ? endOfCharacter(bytes, position + 1) : position;
}

/** Bytes of the form 10xxxxxx go on with a character. */
function isInsideCharacter(bytes: Buffer, position: number): boolean {
  return ((bytes[position] ?? 0) & 0xc0) === 0x80;
}
