import { defineConfig } from "vitest/config";

/** Manifests and chart, as the real tools render them: `env $(bash scripts/kube-tools.sh) npm run test:deploy`. */
export default defineConfig({
  test: {
    include: ["test/deploy/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ["default"],
  },
});
