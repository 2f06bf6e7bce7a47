import { defineConfig } from "vitest/config";
import { ResultFiles } from "./test/gpu/support/result-files.js";

/**
 * The server on a GPU, held to the references: `npm run test:gpu`. `ORTLER_DEVICE=cpu npm run test:gpu` runs the same
 * on the CPU. Results go to the folder that `ORTLER_GPU_RESULTS` names.
 */
export default defineConfig({
  test: {
    include: ["test/gpu/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    fileParallelism: false, // one at a time has the device's memory
    reporters: ["default", new ResultFiles()],
  },
});
