/**
 * The generator behind a request's draws: xoshiro128** seeded through splitmix64, as its authors advise
 * (Blackman and Vigna, "Scrambled linear pseudorandom number generators", arXiv:1805.01407; prng.di.unimi.it).
 * Each request owns one, so a seed gives the same draws whatever else is running.
 */
export class Xoshiro128 {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param state four 32-bit words, not all zero. */
  constructor(state: readonly [number, number, number, number]) {
    [this.#a, this.#b, this.#c, this.#d] = state;
  }

  /** @param seed taken as unsigned 64 bit. */
  static fromSeed(seed: bigint): Xoshiro128 {
    const first = splitmix64(seed, 1n);
    const second = splitmix64(seed, 2n);
    return new Xoshiro128([lowWord(first), highWord(first), lowWord(second), highWord(second)]);
  }

  /** The next 32 random bits, as an unsigned integer. */
  nextUint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  /** Uniform in [0, 1), a multiple of 2^-53: 27 and 26 bits of two outputs. */
  nextUniform(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 2 ** 26 + low) * 2 ** -53;
  }
}

/** The `n`-th output, counted from 1, of splitmix64 seeded with `seed`. */
function splitmix64(seed: bigint, n: bigint): bigint {
  let z = BigInt.asUintN(64, seed + n * 0x9e3779b97f4a7c15n);
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

const lowWord = (value: bigint): number => Number(BigInt.asUintN(32, value));
const highWord = (value: bigint): number => Number(value >> 32n);
const rotateLeft = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));
