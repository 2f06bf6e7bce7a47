/**
 * What each request is, by its place alone: traffic, client and turn. So the same seed gives the same requests, however
 * fast the server answers and however many processes send them.
 */
import { Xoshiro128 } from "../../../src/engine/sampling/xoshiro.js";
import { drawLength, type Random } from "./length.js";
import { drawPassage, type CutText, type Piece } from "./passages.js";
import type { Traffic } from "./scenario.js";

export interface LoadRequest {
  readonly prompt: string;
  /** By the tokenizer of the served model; words, where that is not known. */
  readonly promptTokens: number;
  readonly maxNewTokens: number;
  readonly sampling: Traffic["sampling"];
  /** Of sampling. */
  readonly seed: number;
}

/** Where the numbers of shared prefixes and due times are drawn: no client has such a number. */
const sharedPlace = 65_535;
const duePlace = 65_534;

const nothing: Piece = { text: "", tokens: 0 };

/** Makes the requests of one traffic. */
export class RequestSource {
  readonly #prefixes: readonly Piece[];

  /**
   * @param words with the space before each.
   * @param trafficIndex in the scenario.
   * @param text that prompts are passages of; undefined: they are words.
   */
  constructor(
    private readonly traffic: Traffic,
    private readonly words: readonly string[],
    private readonly seed: number,
    private readonly trafficIndex: number,
    private readonly text?: CutText,
  ) {
    this.#prefixes = Array.from({ length: traffic.sharedPrefixes }, (_, prefix) =>
      this.#draw(traffic.sharedTokens, this.#random(sharedPlace, prefix)),
    );
  }

  /**
   * @param client from 0; 0 in an open loop.
   * @param turn of the client, from 0.
   */
  request(client: number, turn: number): LoadRequest {
    const { promptTokens, completionTokens, sampling } = this.traffic;
    const random = this.#random(client, turn);
    const ownTokens = drawLength(promptTokens, random);
    const maxNewTokens = drawLength(completionTokens, random);
    const prefix = this.#prefixes[Math.floor(random() * this.#prefixes.length)] ?? nothing;
    const seed = Math.floor(random() * 2 ** 31);
    const ending = this.text?.ending ?? nothing;
    const own = this.#draw(ownTokens - ending.tokens, random);
    const parts = [prefix, own, ending];
    const prompt = parts.map(({ text }) => text).join("");
    return { prompt, promptTokens: parts.reduce((sum, { tokens }) => sum + tokens, 0), maxNewTokens, sampling, seed };
  }

  /** For the due times of this traffic. */
  dueRandom(): Random {
    return this.#random(duePlace, 0);
  }

  #draw(tokens: number, random: Random): Piece {
    if (tokens === 0) return nothing;
    return this.text === undefined
      ? { text: drawWords(this.words, tokens, random), tokens }
      : drawPassage(this.text, tokens, random);
  }

  #random(client: number, turn: number): Random {
    const place = [this.seed, this.trafficIndex, client, turn].map(BigInt);
    const bits = [48n, 40n, 24n, 0n];
    const seed = place.reduce((sum, part, index) => sum ^ (part << (bits[index] ?? 0n)), 0n);
    const generator = Xoshiro128.fromSeed(BigInt.asUintN(64, seed));
    return () => generator.nextUniform();
  }
}

function drawWords(words: readonly string[], count: number, random: Random): string {
  return Array.from({ length: count }, () => words[Math.floor(random() * words.length)] ?? "").join("");
}
