import { ParameterError } from "./errors.js";
import { defaultMaxNewTokens, type CaikitParameters } from "./parameters.js";

interface Check {
  readonly fails: (parameters: CaikitParameters) => boolean;
  readonly text: (parameters: CaikitParameters) => string;
  /** Of a failed check: a ValueError unless said otherwise. */
  readonly exception?: "TypeError";
}

const isGreedy = ({ decodingMethod = "GREEDY" }: CaikitParameters): boolean => decodingMethod === "GREEDY";

/**
 * Caikit's own checks, in its order; the first that fails is the answer. A zero float counts as not given, and the
 * comparisons are written so that NaN fails where it fails in the original.
 */
const checks: readonly Check[] = [
  {
    fails: ({ maxNewTokens = defaultMaxNewTokens, minNewTokens = 0n }) => maxNewTokens < minNewTokens,
    // The nine spaces are the original's: a line break inside its text.
    text: ({ maxNewTokens = defaultMaxNewTokens, minNewTokens = 0n }) =>
      `value check failed: Maximum new tokens [${maxNewTokens}] has to be greater than minimum new tokens` +
      `${" ".repeat(9)}[${minNewTokens}]`,
  },
  {
    fails: ({ decodingMethod = "GREEDY" }) => !["GREEDY", "SAMPLING"].includes(decodingMethod),
    text: ({ decodingMethod = "" }) =>
      `value check failed: Decoding method [${decodingMethod}] not in valid decoding methods: [['GREEDY', 'SAMPLING']]`,
  },
  {
    fails: ({ temperature = 0 }) => temperature !== 0 && !(temperature >= 0.05),
    text: () => "value check failed: temperature must be >= 0.05",
  },
  {
    fails: ({ topP = 0 }) => topP !== 0 && !(topP > 0 && topP <= 1),
    text: () => "value check failed: top_p must be > 0.0 and <= 1.0",
  },
  {
    fails: ({ topK = 0n }) => topK < 0n,
    text: () => "value check failed: top_k must be strictly positive",
  },
  {
    fails: ({ typicalP = 0 }) => !(typicalP <= 1),
    text: () => "value check failed: typical_p must be <= 1.0",
  },
  {
    fails: ({ repetitionPenalty = 0 }) => !(repetitionPenalty >= 0),
    text: () => "value check failed: repetition_penalty must be > 0.0",
  },
  {
    fails: ({ exponentialDecayLengthPenalty: penalty }) => penalty !== undefined && penalty.decayFactor === undefined,
    text: () => "'>=' not supported between instances of 'NoneType' and 'float'",
    exception: "TypeError",
  },
  {
    fails: ({ exponentialDecayLengthPenalty: penalty }) => {
      const { decayFactor = 1 } = penalty ?? {};
      return !(decayFactor >= 1 && decayFactor <= 10);
    },
    text: () => "value check failed: decay_factor in exponential_decay_length_penalty must be >= 1.0 and <= 10.0",
  },
  {
    // Neutral values pass, typical_p is named but not looked at, and an explicit 0 is neutral for top_k and seed only.
    fails: (parameters) => {
      const { temperature = 1, topK = 0n, topP = 1, seed = 0n } = parameters;
      return isGreedy(parameters) && (temperature !== 1 || topK !== 0n || topP !== 1 || seed !== 0n);
    },
    text: () =>
      "sampling parameters (temperature/top_k/top_p/typical_p/seed) aren't applicable in greedy decoding mode",
  },
];

/** @throws {ParameterError} with the contract's text for the first check that fails. */
export function checkParameters(parameters: CaikitParameters): void {
  const failed = checks.find(({ fails }) => fails(parameters));
  if (failed !== undefined) throw new ParameterError(failed.exception ?? "ValueError", failed.text(parameters));
}
