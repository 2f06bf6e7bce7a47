import { expect, test } from "vitest";
import {
  Binding,
  liveTensors,
  loadOrtLibrary,
  OrtCallError,
  prepareSessions,
  Session,
  Tensor,
} from "../../src/ort/index.js";
import { ConfigurationError } from "../../src/errors.js";
import { doublingSession } from "../support/graphs.js";

const options = { externalDataFolder: ".", threads: 1, isSpinning: false };

function float32(session: Session, values: readonly number[]): { tensor: Tensor; values: Float32Array } {
  const array = Float32Array.from(values);
  const tensor = Tensor.over(session.api, session.cpu, "float32", [values.length / 4, 4], array.buffer);
  return { tensor, values: array };
}

test("a bound session computes from the tensors' memory into the tensors' memory", async () => {
  using session = await doublingSession();
  const x = float32(session, [1, 2, 3, 4]);
  const y = float32(session, [0, 0, 0, 0]);
  using binding = new Binding(session).input("x", x.tensor).output("y", y.tensor);
  await binding.run();
  x.values.set([10, 20, 30, 40]);
  const first = [...y.values];
  await binding.run();
  expect([first, [...y.values]]).toEqual([
    [2, 4, 6, 8],
    [20, 40, 60, 80],
  ]);
});

test("a view is a window on its tensor's memory", async () => {
  using session = await doublingSession();
  const x = float32(session, [1, 2, 3, 4, 5, 6, 7, 8]);
  const y = float32(session, [0, 0, 0, 0]);
  using secondRow = x.tensor.view([1, 4], 16);
  using binding = new Binding(session).input("x", secondRow).output("y", y.tensor);
  await binding.run();
  expect([...y.values]).toEqual([10, 12, 14, 16]);
  expect(() => x.tensor.view([2, 4], 16)).toThrow("a float32 tensor [2, 4] needs 32 bytes, there are 16");
});

test("the event loop turns while a run is under way", async () => {
  using session = await doublingSession();
  const x = float32(session, new Array<number>(1 << 20).fill(1));
  const y = float32(session, new Array<number>(1 << 20).fill(0));
  using binding = new Binding(session).input("x", x.tensor).output("y", y.tensor);
  let isDone = false;
  const running = binding.run().then(() => (isDone = true));
  await new Promise(setImmediate);
  const wasDone = isDone;
  await running;
  expect([wasDone, y.values[0]]).toEqual([false, 2]);
});

test("a call that fails names itself and carries ONNX Runtime's message", async () => {
  using session = await doublingSession();
  const x = float32(session, [1, 2, 3, 4]);
  using binding = new Binding(session);
  expect(() => binding.input("no such input", x.tensor)).toThrow(
    expect.objectContaining({ call: "BindInput", message: expect.stringContaining("no such input") as string }),
  );
  await expect(Session.create(new TextEncoder().encode("no model"), options)).rejects.toThrow(OrtCallError);
});

test("a run that fails rejects, and the session goes on", async () => {
  using session = await doublingSession();
  const x = float32(session, [1, 2, 3, 4]);
  const tooSmall = Tensor.over(session.api, session.cpu, "float32", [1, 2], new ArrayBuffer(8));
  const y = float32(session, [0, 0, 0, 0]);
  using failing = new Binding(session).input("x", x.tensor).output("y", tooSmall);
  await expect(failing.run()).rejects.toThrow(/RunWithBinding failed/);
  using binding = new Binding(session).input("x", x.tensor).output("y", y.tensor);
  await binding.run();
  expect([...y.values]).toEqual([2, 4, 6, 8]);
});

test("a library that is not there, or is none, is named", () => {
  expect(() => loadOrtLibrary("/nowhere/libonnxruntime.so")).toThrow(
    expect.objectContaining({
      name: ConfigurationError.name,
      message: expect.stringContaining("/nowhere/libonnxruntime.so") as string,
    }),
  );
  expect(() => loadOrtLibrary(process.execPath)).toThrow(ConfigurationError);
});

test("what sessions need can be begun before the first is made, and a library that is not there is named", async () => {
  prepareSessions();
  prepareSessions(); // is the same environment
  using session = await doublingSession();
  expect(session.cpu.kind).toBe("cpu");
  expect(() => prepareSessions("/nowhere/libonnxruntime.so")).toThrow(ConfigurationError);
});

test("sessions, bindings and tensors give back their memory", async () => {
  const turn = async (): Promise<void> => {
    using session = await doublingSession();
    using owned = Tensor.allocate(session.api, session.cpu, "float32", [65536, 4]); // 1 MiB
    owned.bytes().fill(0); // touched, so that a leak would show
    using output = Tensor.allocate(session.api, session.cpu, "float32", [65536, 4]);
    using view = owned.view([1, 4]);
    using viewOut = output.view([1, 4]);
    for (let count = 0; count < 20; count += 1) {
      using binding = new Binding(session).input("x", view).output("y", viewOut);
      await binding.run();
    }
  };
  const before = liveTensors();
  for (let count = 0; count < 150; count += 1) await turn(); // arenas and heaps reach their size
  const settled = process.memoryUsage.rss();
  for (let count = 0; count < 250; count += 1) await turn();
  const grown = process.memoryUsage.rss() - settled;
  expect(liveTensors()).toBe(before);
  expect(grown).toBeLessThan(24 << 20); // 250 leaked tensors would be 250 MiB, 250 leaked sessions more than 100
});
