import { defineConfig } from "vitest/config";

/** The S3 suite against a real MinIO, whose binary `MINIO_BINARY` names: `npm run test:minio`. */
export default defineConfig({
  test: {
    include: ["test/s3/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ["default"],
  },
});
