/** llama.cpp through node-llama-cpp: every sequence in one context, so that a step is one batch. */
import { readFile } from "node:fs/promises";
import { URL } from "node:url";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { serve } from "./lines.js";

await serve(async ({ model: file, threads, sequences, contextTokens, flashAttention }) => {
  const llama = await getLlama({ gpu: false, build: "never", maxThreads: threads, logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath: file });
  const context = await model.createContext({
    sequences,
    contextSize: contextTokens,
    threads,
    flashAttention,
  });
  const open = Array.from({ length: sequences }, () => context.getSequence());
  const { version } = JSON.parse(
    await readFile(new URL("../node_modules/node-llama-cpp/package.json", import.meta.url)),
  );
  const { release } = llama.llamaCppRelease;
  return {
    version: `node-llama-cpp ${version}, llama.cpp ${release}`,
    async run(prompts, count, log) {
      await Promise.all(
        prompts.map(async (prompt, index) => {
          await open[index].clearHistory();
          let tokens = 0;
          for await (const token of open[index].evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
            log.record(index, token);
            tokens += 1;
            if (tokens === count) break;
          }
        }),
      );
    },
  };
});
