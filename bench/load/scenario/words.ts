/** What prompts are made of. */
import { loadTokenizer } from "../../../src/model/index.js";
import { wholeWords } from "../../engine/prompts.js";

export interface Words {
  /** Each with the space before it. */
  readonly words: readonly string[];
  /** Whether each is one token of the served model: a prompt has then exactly the tokens that it was made to have. */
  readonly areTokens: boolean;
  /** Of the served model; undefined: its tokenizer is not known. */
  readonly countTokens: ((text: string) => number) | undefined;
}

/** Common words, most of them one token in any vocabulary of English. */
const commonWords =
  "the of and to in is that it was for on are as with his they at be this from have or by one had not but what all " +
  "were when we there can an your which their said if do will each about how up out them then she many some so these " +
  "would other into has more her two like him see time could no make than first been its who now people my made over " +
  "did down only way find use may water long little very after words called just where most know get through back " +
  "much before go good new write our used me man too any day same right look think also around another came come " +
  "work three word must because does part even place well such here take why things help put years different away " +
  "again off went old number great tell men say small every found still between name should home big give air line";

const wordLimit = 512;

/** @param folder of the served model's tokenizer, where it is known. */
export async function wordsOf(folder: string | undefined): Promise<Words> {
  if (folder !== undefined) {
    const tokenizer = await loadTokenizer(folder);
    const words = wholeWords(tokenizer, wordLimit);
    if (words.length > 0) return { words, areTokens: true, countTokens: (text) => tokenizer.encode(text).length };
  }
  return { words: commonWords.split(" ").map((word) => ` ${word}`), areTokens: false, countTokens: undefined };
}
