/** transformers.js: `generate` of all sequences over its growing cache, on ONNX Runtime's own Node binding. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { URL } from "node:url";
import { AutoModelForCausalLM, BaseStreamer, env, Tensor } from "@huggingface/transformers";
import { serve } from "./lines.js";

/** Told each step's tokens: first the prompts, then one token of every sequence. */
class Steps extends BaseStreamer {
  #hasPrompts = false;

  constructor(log) {
    super();
    this.log = log;
  }

  put(tokenIds) {
    if (this.#hasPrompts) for (const [sequence, [tokenId]] of tokenIds.entries()) this.log.record(sequence, tokenId);
    this.#hasPrompts = true;
  }

  end() {
    this.#hasPrompts = false;
  }
}

await serve(async ({ model: folder, precision, threads }) => {
  env.allowRemoteModels = false;
  env.localModelPath = path.dirname(folder);
  const options = {
    dtype: precision,
    device: "cpu",
    session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 },
  };
  const model = await AutoModelForCausalLM.from_pretrained(path.basename(folder), options);
  const file = new URL("../node_modules/@huggingface/transformers/package.json", import.meta.url);
  return {
    version: `transformers.js ${JSON.parse(await readFile(file)).version}`,
    async run(prompts, count, log) {
      const shape = [prompts.length, prompts[0].length];
      await model.generate({
        inputs: new Tensor("int64", BigInt64Array.from(prompts.flat(), BigInt), shape),
        attention_mask: new Tensor("int64", new BigInt64Array(shape[0] * shape[1]).fill(1n), shape),
        do_sample: false,
        min_new_tokens: count,
        max_new_tokens: count,
        streamer: new Steps(log),
      });
    },
  };
});
