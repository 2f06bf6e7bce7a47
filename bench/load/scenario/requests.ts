/**
 * What each request is, by its place alone: traffic, client and turn. So the same seed gives the same requests, however
 * fast the server answers and however many processes send them.
 */
import { Xoshiro128 } from "../../../src/engine/sampling/xoshiro.js";
import { drawLength, type Random } from "./length.js";
import type { Traffic } from "./scenario.js";

export interface LoadRequest {
  readonly prompt: string;
  /** As many words as that; tokens, if each word is one. */
  readonly promptTokens: number;
  readonly maxNewTokens: number;
  readonly sampling: Traffic["sampling"];
  /** Of sampling. */
  readonly seed: number;
}

/** Where the numbers of shared prefixes and due times are drawn: no client has such a number. */
const sharedPlace = 65_535;
const duePlace = 65_534;

/** Makes the requests of one traffic. */
export class RequestSource {
  readonly #prefixes: readonly string[];

  /**
   * @param words with the space before each.
   * @param trafficIndex in the scenario.
   */
  constructor(
    private readonly traffic: Traffic,
    private readonly words: readonly string[],
    private readonly seed: number,
    private readonly trafficIndex: number,
  ) {
    this.#prefixes = Array.from({ length: traffic.sharedPrefixes }, (_, prefix) =>
      drawWords(words, traffic.sharedTokens, this.#random(sharedPlace, prefix)),
    );
  }

  /**
   * @param client from 0; 0 in an open loop.
   * @param turn of the client, from 0.
   */
  request(client: number, turn: number): LoadRequest {
    const { promptTokens, completionTokens, sharedTokens, sampling } = this.traffic;
    const random = this.#random(client, turn);
    const ownTokens = drawLength(promptTokens, random);
    const maxNewTokens = drawLength(completionTokens, random);
    const prefix = this.#prefixes[Math.floor(random() * this.#prefixes.length)] ?? "";
    const seed = Math.floor(random() * 2 ** 31);
    const prompt = prefix + drawWords(this.words, ownTokens, random);
    return { prompt, promptTokens: sharedTokens + ownTokens, maxNewTokens, sampling, seed };
  }

  /** For the due times of this traffic. */
  dueRandom(): Random {
    return this.#random(duePlace, 0);
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
