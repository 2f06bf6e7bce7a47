import { execFile } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, expect, test } from "vitest";
import { InternalError } from "../../src/errors.js";
import { Binding, loadOrtLibrary, OrtCallError, Tensor, type Session } from "../../src/ort/index.js";
import { notCaptured } from "../../src/ort/run-options.js";
import { RunThread } from "../../src/ort/run-thread.js";
import { doublingSession } from "../support/graphs.js";

const { api } = loadOrtLibrary();

/** A binding of [n, 4] numbers, and its outputs. */
function bind(session: Session, numbers: readonly number[], outputs = numbers.length) {
  const shape = (length: number): number[] => [Math.ceil(length / 4), 4];
  const over = (values: Float32Array<ArrayBuffer>) =>
    Tensor.over(session.api, session.cpu, "float32", shape(values.length), values.buffer);
  const y = new Float32Array(outputs);
  const binding = new Binding(session).input("x", over(Float32Array.from(numbers))).output("y", over(y));
  return { binding, y };
}

test("runs on a thread of their own give the pool's bits, one after the other", async () => {
  using session = await doublingSession();
  using thread = new RunThread(api);
  const numbers = Array.from({ length: 64 }, (_, index) => Math.fround(Math.sin(index)));
  const [pooled, threaded] = [bind(session, numbers), bind(session, numbers)];
  await pooled.binding.run();
  for (const graphId of [notCaptured, 1, 1]) {
    threaded.y.fill(0);
    await thread.run(session.pointer(), threaded.binding.pointer(), graphId);
    expect(threaded.y).toEqual(pooled.y);
  }
});

test("a run that fails there rejects with ONNX Runtime's error, and the thread goes on", async () => {
  using session = await doublingSession();
  using thread = new RunThread(api);
  const [failing, whole] = [bind(session, [1, 2, 3, 4, 5, 6, 7, 8], 4), bind(session, [1, 2, 3, 4])];
  const run = thread.run(session.pointer(), failing.binding.pointer(), notCaptured);
  await expect(run).rejects.toThrow(OrtCallError);
  await thread.run(session.pointer(), whole.binding.pointer(), notCaptured);
  expect([...whole.y]).toEqual([2, 4, 6, 8]);
});

test("a second run while one is under way is refused, and the first one's result stands", async () => {
  using session = await doublingSession();
  using thread = new RunThread(api);
  const { binding, y } = bind(session, [1, 2, 3, 4]);
  const first = thread.run(session.pointer(), binding.pointer(), notCaptured);
  const second = thread.run(session.pointer(), binding.pointer(), notCaptured);
  await expect(second).rejects.toThrow(InternalError);
  await first;
  expect([...y]).toEqual([2, 4, 6, 8]);
});

test("a session that captures nothing refuses a run that is to be captured", async () => {
  using session = await doublingSession();
  const { binding } = bind(session, [1, 2, 3, 4]);
  expect(() => binding.run(1)).toThrow(InternalError);
  expect(session.graphCapture.isOn).toBe(false);
});

const root = fileURLToPath(new URL("../..", import.meta.url));
const bundle = join(root, ".cache", `run-thread-${process.pid}`);
afterAll(() => rm(bundle, { recursive: true, force: true }));

/** A program that runs on such a thread and ends by itself. */
const program = `
  import { Binding, Tensor } from "./src/ort/index.js";
  import { RunThread } from "./src/ort/run-thread.js";
  import { doublingSession } from "./test/support/graphs.js";
  const session = await doublingSession();
  const [x, y] = [Float32Array.of(1, 2, 3, 4), new Float32Array(4)];
  const tensor = ({ buffer }) => Tensor.over(session.api, session.cpu, "float32", [1, 4], buffer);
  const binding = new Binding(session).input("x", tensor(x)).output("y", tensor(y));
  await new RunThread(session.api).run(session.pointer(), binding.pointer(), -1);
  console.log(y.join(" "));
`;

test("it runs in a bundled program too, which it keeps alive only while something runs", async () => {
  await mkdir(bundle, { recursive: true });
  await build({
    stdin: { contents: program, resolveDir: root, loader: "ts" },
    outfile: join(bundle, "program.mjs"),
    ...({ bundle: true, platform: "node", target: "node20", format: "esm" } as const),
    external: ["koffi", "onnxruntime-node"],
  });
  const { stdout } = await promisify(execFile)(process.execPath, [join(bundle, "program.mjs")], { timeout: 20_000 });
  expect(stdout.trim()).toBe("2 4 6 8");
});
