/** `ortler inspect --compare`: what precisions cost, on real models. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { command } from "../../src/commands/inspect.js";
import { comparePrecisions, type Comparison } from "../../src/commands/compare.js";
import type { AskedPrecision } from "../../src/commands/compare-options.js";
import { SessionRunner } from "../../src/engine/runner/session-runner.js";
import { ConfigurationError } from "../../src/errors.js";
import { evaluationText } from "../../src/model/evaluation/evaluation-text.js";
import { loadModel } from "../../src/model/index.js";
import { liveTensors } from "../../src/ort/index.js";
import { fixture, temporaryFolder } from "../support/checkpoints.js";
import { completeReferences } from "../support/reference.js";

const micro = fixture("micro-gpt2");
const float32 = { dtype: "float32", kvDtype: "auto" } as const;
const int8 = { dtype: "int8", kvDtype: "auto" } as const;
const float32WithInt8Cache = { dtype: "float32", kvDtype: "int8" } as const;
const references = completeReferences(`${micro}/reference.json`).filter(({ input_ids }) => input_ids.length > 1);

async function perplexityOf(folder: string, text: string): Promise<number | undefined> {
  const { precisions } = await comparePrecisions(folder, [float32], text);
  return precisions[0]?.perplexity;
}

describe("perplexity", () => {
  test("of the reference's prompts is that of the reference's log-probabilities", async () => {
    expect(references.length).toBeGreaterThan(3);
    for (const { prompt, input_logprobs } of references) {
      const logprobs = input_logprobs.filter((logprob) => logprob !== null);
      const mean = logprobs.reduce((sum, logprob) => sum + logprob, 0) / logprobs.length;
      expect((await perplexityOf(micro, prompt)) ?? NaN).toBeCloseTo(Math.exp(-mean), 1); // of about 600
    }
  });

  /*
   * transformers 5.24, torch 2.15, float32; evaluation.txt is `evaluationText`:
   *
   *   model = AutoModelForCausalLM.from_pretrained("models/tiny", dtype=torch.float32).eval()
   *   ids = AutoTokenizer.from_pretrained("models/tiny")(open("evaluation.txt").read(), return_tensors="pt").input_ids
   *   nats, done, total = 0.0, 1, ids.size(1)
   *   for begin in range(0, total, 256):
   *       end = min(begin + 512, total)
   *       logp = torch.log_softmax(model(ids[:, begin:end]).logits[0].double(), -1)
   *       nats -= sum(logp[t - 1 - begin, ids[0, t]].item() for t in range(done, end))
   *       done = end
   *       if end == total: break
   *   print(total, math.exp(nats / (total - 1)))  # 1492 52.316428288215874
   */
  test("of a text longer than the context is that of transformers, over the same windows", async () => {
    const comparison = await comparePrecisions("models/tiny", [float32], evaluationText);
    const sizes = { tokens: 1492, windowTokens: 512, strideTokens: 256, scoredTokens: 1491, comparedTokens: 1491 };
    expect(comparison).toMatchObject(sizes);
    expect(comparison.precisions[0]?.perplexity).toBeCloseTo(52.316428288215874, 3);
  });
});

describe("the logits' distance", () => {
  const text = references.map(({ prompt }) => prompt).join(" ");

  test("is that of the two models' logits at every position but the last", async () => {
    const { precisions, tokens } = await comparePrecisions(micro, [float32, int8], references[0]?.prompt ?? "");
    const logitsOf = async ({ dtype }: AskedPrecision): Promise<number[]> => {
      using model = await loadModel({ folder: micro, threads: 2, isSpinning: false, dtype });
      const sizes = { slots: 1, maxLength: model.shape.positions, maxPrefillTokens: model.shape.positions };
      using runner = new SessionRunner(model.session, model.shape, { ...sizes, kvDtype: model.kvDtype });
      const tokenIds = references[0]?.input_ids ?? [];
      const result = await runner.prefill({ slot: 0, tokenIds, start: 0, end: tokens - 1, wanted: "all" });
      return Array.from({ length: tokens - 1 }, (_, row) => Array.from(result.logits(row))).flat();
    };
    const [expected, logits] = [await logitsOf(float32), await logitsOf(int8)];
    const distances = logits.map((logit, index) => Math.abs(logit - (expected[index] ?? NaN)));
    const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
    const difference = precisions[1]?.difference;
    expect(mean).toBeGreaterThan(0.001); // int8 is not float32
    expect(difference?.max).toBeCloseTo(Math.max(...distances), 4);
    expect(difference?.mean).toBeCloseTo(mean, 4);
  });

  test("of a precision from itself is none, and an int8 cache alone has one", async () => {
    const { precisions } = await comparePrecisions(micro, [float32, float32, float32WithInt8Cache], text);
    expect(precisions.map(({ dtype, kvDtype }) => [dtype, kvDtype])).toEqual([
      ["float32", "float32"],
      ["float32", "float32"],
      ["float32", "int8"],
    ]);
    const [first, same, cached] = precisions.map(({ difference }) => difference);
    expect([first, same]).toEqual([undefined, { max: 0, mean: 0, sameBest: 1 }]);
    expect(cached?.max).toBeGreaterThan(0);
    expect(precisions[1]?.perplexity).toBe(precisions[0]?.perplexity);
  });

  test("is measured on as many logits as may be kept, the perplexity on all", async () => {
    const whole = await comparePrecisions(micro, [float32, int8], text);
    const rowBytes = 600 * Float32Array.BYTES_PER_ELEMENT;
    const bounded = await comparePrecisions(micro, [float32, int8], text, 3 * rowBytes);
    expect([whole.comparedTokens, bounded.comparedTokens]).toEqual([whole.tokens - 1, 3]);
    expect(bounded.precisions[1]?.perplexity).toBe(whole.precisions[1]?.perplexity);
    expect(bounded.precisions[1]?.difference).not.toEqual(whole.precisions[1]?.difference);
  });
});

test("models are loaded one after the other, and nothing of them is left", async () => {
  const before = liveTensors();
  await comparePrecisions(micro, [float32, int8], "The whale");
  expect(liveTensors()).toBe(before);
});

describe("ortler inspect --compare", () => {
  /** What the command prints to standard output, and its exit code. */
  async function inspect(...args: string[]): Promise<{ readonly code: number; readonly stdout: string }> {
    const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    try {
      const code = await command.run(args);
      return { code, stdout: write.mock.calls.map(([chunk]) => String(chunk)).join("") };
    } finally {
      write.mockRestore();
    }
  }

  async function textFile(bytes: string | Uint8Array): Promise<string> {
    const file = join(await temporaryFolder(), "text.txt");
    await writeFile(file, bytes);
    return file;
  }

  test("prints a line for each precision under one that names folder, text and windows", async () => {
    const file = await textFile("The whale");
    const { code, stdout } = await inspect(micro, "--compare", "float32,int8:float32", "--text", file);
    const number = String.raw`\d+\.\d+`;
    const lines = [
      `${micro} on ${file}: 6 tokens, in windows of 6 by strides of 48`,
      "weights  KV cache  weights, MiB  perplexity +change +max diff  mean diff +same best",
      `float32  float32 + 0\\.7 +${number} +- +- +- +-`,
      `int8     float32 + 0\\.2 +${number} +[+-]${number}% +${number} +${number} +${number}%`,
    ];
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${lines.join("\n")}\n$`));
  });

  test("--json has the same for programs, unrounded", async () => {
    const file = await textFile("The whale");
    const { code, stdout } = await inspect(micro, "--compare=float32,int8", `--text=${file}`, "--json");
    expect(code).toBe(0);
    const printed = JSON.parse(stdout) as Comparison;
    expect(printed).toEqual(await comparePrecisions(micro, [float32, int8], "The whale"));
    expect(printed).toMatchObject({
      folder: micro,
      tokens: 6,
      precisions: [{ kvDtype: "float32" }, { dtype: "int8" }],
    });
  });

  const mistakes: [args: string[], message: RegExp][] = [
    [
      ["--compare=float32,int3"],
      /^--compare must be a list of float32, int8, int8-block, int4, .*, got "float32,int3"$/,
    ],
    [["--compare=float32:int4"], /^--compare must be a list/],
    [["--compare=float32:int8:int8"], /^--compare must be a list/],
    [["--compare="], /^--compare must be a list/],
    [["--text=LICENSE"], /^--text is for --compare: name the precisions$/],
    [["--compare=float32", "--text=missing.txt"], /^--text must name a file of UTF-8 text: missing\.txt: ENOENT/],
  ];
  test.each(mistakes)("%j is refused, and the message says why", async (args, message) => {
    const refusal = inspect(micro, ...args);
    await expect(refusal).rejects.toThrow(ConfigurationError);
    await expect(refusal).rejects.toThrow(message);
  });

  test("a text that is no UTF-8, or has nothing to predict, is refused", async () => {
    const latin1 = await textFile(Uint8Array.of(0x67, 0xfc, 0x6e));
    await expect(inspect(micro, "--compare=float32", `--text=${latin1}`)).rejects.toThrow(/UTF-8 text: .*not valid/);
    const empty = await textFile("");
    await expect(inspect(micro, "--compare=float32", `--text=${empty}`)).rejects.toThrow(
      new ConfigurationError("no token to predict: the text has 0, the model 96 positions"),
    );
  });
});
