import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // These need a MinIO server, Helm and kubectl, root, or a GPU: each has a configuration of its own.
    exclude: ["test/s3/**", "test/deploy/**", "test/image/**", "test/gpu/**"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: "forks", // native memory and the process environment stay with the file that uses them
    reporters: ["default"],
  },
});
