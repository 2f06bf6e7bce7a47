import { inspect } from "node:util";
import { expect, test } from "vitest";
import { architectureOf } from "../../../src/model/architectures/index.js";

const architecture = (config: Record<string, unknown>) =>
  architectureOf({ folder: "", config, generationConfig: undefined, tensors: new Map() }).name;

const supported: readonly Record<string, unknown>[] = [
  { model_type: "gpt2", architectures: ["GPT2LMHeadModel"] },
  { model_type: "gpt2", architectures: ["GPT2Model"] },
  { model_type: "gpt2" },
  { architectures: ["GPT2LMHeadModel"] },
];

test.each(supported.map((config) => ({ config, name: inspect(config) })))("serves $name as GPT-2", ({ config }) => {
  expect(architecture(config)).toBe("gpt2");
});

const refused: readonly Record<string, unknown>[] = [
  { model_type: "llama", architectures: ["LlamaForCausalLM"] },
  { model_type: "gpt2", architectures: ["GPT2ForSequenceClassification"] },
  { model_type: "llama", architectures: ["GPT2LMHeadModel"] },
  {},
];

test.each(refused.map((config) => ({ config, name: inspect(config) })))(
  "refuses $name and lists what is supported",
  ({ config }) => {
    expect(() => architecture(config)).toThrow(/is not supported; supported: gpt2 \(GPT2LMHeadModel, GPT2Model\)/);
  },
);
