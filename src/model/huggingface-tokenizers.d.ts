/**
 * The part of `@huggingface/tokenizers` 0.2 that we use. Its own declarations import each other without file
 * extensions, which TypeScript does not resolve for ES modules: every type would silently become `any`.
 */
declare module "@huggingface/tokenizers" {
  export class Tokenizer {
    readonly pre_tokenizer: PreTokenizer | null;
    readonly model: Model;

    /**
     * @param tokenizer the content of `tokenizer.json`.
     * @param config the content of `tokenizer_config.json`.
     */
    constructor(tokenizer: object, config: object);

    encode(text: string, options?: { readonly add_special_tokens?: boolean }): { readonly ids: number[] };
    token_to_id(token: string): number | undefined;
  }

  /** Both with the added tokens. */
  export interface Model {
    /** Token string by id; ids without a token are holes. */
    readonly vocab: readonly (string | undefined)[];
    /** As the file has them: not checked. */
    readonly tokens_to_ids: ReadonlyMap<string, unknown>;
  }

  export class PreTokenizer {
    pre_tokenize(text: string): string[];
  }

  export class ByteLevelPreTokenizer extends PreTokenizer {
    /** Finds the words of a text. */
    pattern: RegExp;
  }

  export class SequencePreTokenizer extends PreTokenizer {
    readonly tokenizers: readonly (PreTokenizer | null)[];
  }
}
