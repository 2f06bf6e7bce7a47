import { defineConfig } from "vitest/config";

/** The image's root file system, in a container of the kernel's own means: `npm run test:image`, as root, on Linux. */
export default defineConfig({
  test: {
    include: ["test/image/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ["default"],
  },
});
