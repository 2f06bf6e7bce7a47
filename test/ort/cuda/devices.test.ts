import { expect, test } from "vitest";
import { createCapturing } from "../../../src/ort/cuda/devices.js";
import { OrtCallError } from "../../../src/ort/index.js";

const detail =
  "This session cannot use the graph capture feature as requested by the user  as all compute graph nodes have not " +
  "been partitioned to the CUDAExecutionProvider";

/** Says how it was made, and refuses to be made in one of the ways. */
const maker = (refused?: { readonly isCapturing: boolean; readonly detail: string }) => (isCapturing: boolean) =>
  isCapturing === refused?.isCapturing
    ? Promise.reject(new OrtCallError("CreateSessionFromArray", 1, refused.detail))
    : Promise.resolve(isCapturing ? "capturing" : "plain");

test("a session captures where that is wanted and possible", async () => {
  expect(await createCapturing(true, maker())).toEqual({
    made: "capturing",
    graphCapture: { isOn: true, reason: "as asked" },
  });
  expect(await createCapturing(false, maker())).toEqual({
    made: "plain",
    graphCapture: { isOn: false, reason: "--no-cuda-graphs, --watch or --selection host" },
  });
});

test("a session that ONNX Runtime lets capture nothing is made without, and says why", async () => {
  const { made, graphCapture } = await createCapturing(true, maker({ isCapturing: true, detail }));
  expect(made).toBe("plain");
  expect(graphCapture).toEqual({ isOn: false, reason: expect.stringContaining(detail) as string });
});

test("what fails for another reason is not tried again", async () => {
  const creating = createCapturing(true, maker({ isCapturing: true, detail: "no such operator" }));
  await expect(creating).rejects.toThrow("no such operator");
});
