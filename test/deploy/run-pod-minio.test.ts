/** Runs the example that fetches its model from S3, beside a real MinIO: for root, on Linux. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startMinio } from "../s3/minio-server.js";
import { ask, expectedText } from "./pod/ask.js";
import { podOfPredictor } from "./pod/pod.js";
import { RunningPod } from "./pod/running-pod.js";
import { render } from "./support/kustomize.js";
import type { Manifest } from "./support/manifests.js";

const isMissing = (process.env["MINIO_BINARY"] ?? "") === "";

/** The example's Secret, with the keys of this MinIO. */
function secretOf({ accessKeyId, secretAccessKey }: { accessKeyId: string; secretAccessKey: string }): Manifest {
  const stringData = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  return { apiVersion: "v1", kind: "Secret", metadata: { name: "minio-credentials" }, stringData };
}

test.skipIf(isMissing)(
  "a predictor fetches its model from the MinIO that its manifest names, and answers (skipped without MINIO_BINARY)",
  async () => {
    const minio = await startMinio(false);
    try {
      for (const name of readdirSync("models/tiny"))
        await minio.put("models", `gpt2/${name}`, readFileSync(join("models/tiny", name)));
      const rendered = [...render("overlays/raw"), ...render("examples/raw/s3-loader")];
      const manifests = [secretOf(minio.keys), ...rendered.filter(({ kind }) => kind !== "Secret")];
      const localPort = Number(new URL(minio.endpoint).port);
      const neighbours = [{ host: "minio.minio.svc", port: 9000, localPort }];
      await using running = await RunningPod.start(podOfPredictor(manifests), neighbours);
      await running.untilReady();
      expect(await ask(`${running.address}:8085`, "gpt2")).toBe(expectedText);
      expect(await running.stop()).toEqual({ exitCode: 0, isInGracePeriod: true });
    } finally {
      await minio.close();
    }
  },
);
