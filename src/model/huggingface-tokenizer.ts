/** Byte-level BPE: `@huggingface/tokenizers` encodes; the way back to bytes is a table, since tokens may end inside a character. */
import { toUSVString } from "node:util";
import {
  ByteLevelPreTokenizer,
  SequencePreTokenizer,
  Tokenizer as Encoder,
  type PreTokenizer,
} from "@huggingface/tokenizers";
import { CheckpointError } from "../errors.js";
import type { ChatTemplate } from "./checkpoint/chat-template.js";
import { isGgufPath } from "./checkpoint/gguf/path.js";
import { isJsonObject } from "./checkpoint/json.js";
import { quote } from "./checkpoint/messages.js";
import { readTokenizerFiles, type TokenizerDefinition } from "./checkpoint/tokenizer-files.js";
import type { EncodeOptions, Tokenizer } from "./tokenizer.js";

/**
 * @param path of a checkpoint's folder, or of a GGUF file.
 * @throws {CheckpointError} when there is no tokenizer, or one that is not byte-level BPE.
 */
export async function loadTokenizer(path: string): Promise<HuggingFaceTokenizer> {
  return new HuggingFaceTokenizer(await readDefinition(path));
}

async function readDefinition(path: string): Promise<TokenizerDefinition> {
  if (!isGgufPath(path)) return readTokenizerFiles(path);
  const { readGgufTokenizer } = await import("./checkpoint/gguf/checkpoint.js");
  return readGgufTokenizer(path);
}

export class HuggingFaceTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  readonly specialTokenIds: ReadonlySet<number>;
  readonly beginOfTextId: number | undefined;
  /** The tokenizer's `eos_token`; what ends a completion may be others. */
  readonly endOfTextId: number | undefined;
  readonly chatTemplate: ChatTemplate | undefined;
  readonly #encoder: Encoder;
  readonly #pieces: readonly (string | undefined)[];
  /** Content of the added tokens that are text. */
  readonly #addedText: ReadonlyMap<number, string>;
  /** Filled as tokens are first seen: a table of all of them would cost start-up time. */
  readonly #bytes = new Map<number, Uint8Array>();

  constructor(definition: TokenizerDefinition) {
    checkDecoder(definition);
    const { addedTokens, beginOfText, endOfText, chatTemplate } = definition;
    this.chatTemplate = chatTemplate;
    this.#encoder = createEncoder(definition);
    this.#pieces = this.#encoder.model.vocab;
    this.vocabularySize = greatestId(this.#encoder.model.tokens_to_ids) + 1;
    this.specialTokenIds = new Set(addedTokens.filter(({ special }) => special).map(({ id }) => id));
    this.#addedText = new Map(addedTokens.filter(({ special }) => !special).map(({ id, content }) => [id, content]));
    const bos = beginOfText === undefined ? undefined : this.#encoder.token_to_id(beginOfText);
    this.beginOfTextId = this.encode("a")[0] === bos ? bos : undefined; // whatever put it there
    this.endOfTextId = endOfText === undefined ? undefined : this.#encoder.token_to_id(endOfText);
  }

  /** A lone surrogate, which a JavaScript string may hold, counts as U+FFFD: what its UTF-8 would be. */
  encode(text: string, { addSpecialTokens = true }: EncodeOptions = {}): number[] {
    return this.#encoder.encode(toUSVString(text), { add_special_tokens: addSpecialTokens }).ids;
  }

  bytesOf(id: number): Uint8Array {
    const known = this.#bytes.get(id);
    if (known !== undefined) return known;
    const piece = this.pieceOf(id);
    if (piece === "" || this.specialTokenIds.has(id)) return noBytes;
    const added = this.#addedText.get(id);
    const bytes = added === undefined ? bytesOfPiece(piece) : Buffer.from(added);
    this.#bytes.set(id, bytes);
    return bytes;
  }

  pieceOf(id: number): string {
    return this.#pieces[id] ?? "";
  }
}

const noBytes = new Uint8Array(0);

function checkDecoder({ json: { decoder } }: TokenizerDefinition): void {
  const type = isJsonObject(decoder) ? decoder["type"] : decoder;
  if (type !== "ByteLevel") {
    throw new CheckpointError(`tokenizer: decoder ${JSON.stringify(type)} is not supported (supported: "ByteLevel")`);
  }
}

function createEncoder({ json }: TokenizerDefinition): Encoder {
  let encoder: Encoder;
  try {
    encoder = new Encoder(json, {});
  } catch (error) {
    throw new CheckpointError(`tokenizer: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  splitAtUnicodeWhitespace(encoder.pre_tokenizer);
  return encoder;
}

function greatestId(ids: ReadonlyMap<string, unknown>): number {
  let greatest = -1;
  for (const [token, id] of ids) {
    if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) {
      throw new CheckpointError(`tokenizer: token ${quote(token)} must have a whole number >= 0 as id`);
    }
    greatest = Math.max(greatest, id);
  }
  return greatest;
}

/**
 * GPT-2's pattern, with the whitespace of the reference implementation: JavaScript's `\s` has U+FEFF and lacks U+0085.
 */
const gpt2Pattern =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

function splitAtUnicodeWhitespace(preTokenizer: PreTokenizer | null): void {
  if (preTokenizer instanceof ByteLevelPreTokenizer) preTokenizer.pattern = gpt2Pattern;
  if (preTokenizer instanceof SequencePreTokenizer) preTokenizer.tokenizers.forEach(splitAtUnicodeWhitespace);
}

/** GPT-2 writes the bytes of a token as characters: printable Latin-1 as itself, the other bytes as U+0100 and on. */
const byteOfCharacter: ReadonlyMap<string, number> = (() => {
  const isPrintable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  let next = 0x100;
  return new Map(
    Array.from({ length: 256 }, (_, byte) => [String.fromCharCode(isPrintable(byte) ? byte : next++), byte]),
  );
})();

/** A piece with a character that stands for no byte is text as it is, as in the reference implementation. */
function bytesOfPiece(piece: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of piece) {
    const byte = byteOfCharacter.get(character);
    if (byte === undefined) return Buffer.from(piece);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
