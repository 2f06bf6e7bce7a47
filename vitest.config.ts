import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/s3/**"], // needs a MinIO server: vitest.minio.config.ts
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: "forks", // native memory and the process environment stay with the file that uses them
    reporters: ["default"],
  },
});
