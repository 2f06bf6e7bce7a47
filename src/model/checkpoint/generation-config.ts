import { inspect } from "node:util";
import { CheckpointError } from "../../errors.js";
import type { Checkpoint } from "./checkpoint.js";

/**
 * Ids that end a completion, without repetition: those of `generation_config.json`, else of `config.json`, else
 * the tokenizer's end-of-text token. Empty when none of them has one.
 *
 * @param vocabularySize of the model: an id beyond it can never be generated.
 * @throws {CheckpointError} when an id is not a whole number within the vocabulary.
 */
export function eosTokenIds(
  { config, generationConfig }: Pick<Checkpoint, "config" | "generationConfig">,
  vocabularySize: number,
  endOfTextId: number | undefined,
): readonly number[] {
  const sources = [
    ["generation_config.json", generationConfig?.["eos_token_id"]],
    ["config.json", config["eos_token_id"]],
    ["tokenizer", endOfTextId],
  ] as const;
  for (const [file, value] of sources) {
    const ids: readonly unknown[] = Array.isArray(value) ? value : [value ?? []].flat();
    if (ids.length === 0) continue;
    return [...new Set(ids.map((id) => checkId(file, id, vocabularySize)))];
  }
  return [];
}

function checkId(file: string, id: unknown, vocabularySize: number): number {
  if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= vocabularySize) {
    throw new CheckpointError(
      `${file}: eos_token_id must be whole numbers in [0, ${vocabularySize}), got ${inspect(id)}`,
    );
  }
  return id;
}
