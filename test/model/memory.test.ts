import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { SessionRunner } from "../../src/engine/runner/session-runner.js";
import { loadModel } from "../../src/model/index.js";
import { completeReferences, fixtures } from "../support/reference.js";

/** Resident KiB of the mappings of files whose path ends so. */
function residentOf(ending: string): { readonly mappings: number; readonly residentKiB: number } {
  const blocks = readFileSync("/proc/self/smaps", "utf8").split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/);
  const ours = blocks.filter((block) => block.slice(0, block.indexOf("\n")).endsWith(ending));
  const residents = ours.map((block) => Number(/^Rss: +(\d+) kB/m.exec(block)?.[1]));
  return { mappings: ours.length, residentKiB: residents.reduce((sum, value) => sum + value, 0) };
}

test.runIf(process.platform === "linux")(
  "a loaded model keeps none of its file's pages resident, and reads back those that it needs",
  async () => {
    const folder = `${fixtures}/micro-gpt2`;
    using model = await loadModel({ folder, threads: 1, isSpinning: false });
    const { mappings, residentKiB } = residentOf("micro-gpt2/model.safetensors");
    expect(mappings).toBeGreaterThan(0);
    expect(residentKiB).toBeLessThan(64); // of the 150 KiB that the token embedding has

    const [prompt] = completeReferences(`${folder}/reference.json`);
    const tokenIds = prompt?.input_ids ?? [];
    using runner = new SessionRunner(model.session, model.shape, { slots: 1, maxLength: 64, maxPrefillTokens: 64 });
    const likeliest = async (): Promise<number> => {
      const run = { slot: 0, tokenIds, start: 0, end: tokenIds.length, wanted: "last" } as const;
      const logits = (await runner.prefill(run)).logits(0);
      return logits.indexOf(Math.max(...logits));
    };
    expect(await likeliest()).toBe(prompt?.last_logits_top20[0]?.[0]);

    const read = residentOf("micro-gpt2/model.safetensors");
    await model.dropReadPages();
    expect(residentOf("micro-gpt2/model.safetensors").residentKiB).toBeLessThan(read.residentKiB);
    expect(await likeliest()).toBe(prompt?.last_logits_top20[0]?.[0]);
  },
);
