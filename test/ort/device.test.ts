import { expect, test } from "vitest";
import { InternalError } from "../../src/errors.js";
import { Binding, Tensor } from "../../src/ort/index.js";
import { onFakeDevice } from "../support/fake-device.js";
import { doublingSession } from "../support/graphs.js";

test("a session on a device computes from what was copied there, and gives it back by a copy", async () => {
  using owner = await doublingSession();
  const session = onFakeDevice(owner);
  const values = new Float32Array([1, 2, 3, 4]);
  const host = Tensor.over(session.api, session.cpu, "float32", [1, 4], values.buffer);
  using x = Tensor.allocate(session.api, session.device, "float32", [1, 4]);
  using y = Tensor.allocate(session.api, session.device, "float32", [1, 4]);
  using binding = new Binding(session).input("x", x).output("y", y);
  x.copyFrom(host);
  await binding.run();
  host.copyFrom(y);
  expect([...values]).toEqual([2, 4, 6, 8]);
});

test("memory of a device is neither shown to JavaScript nor taken from it", async () => {
  using owner = await doublingSession();
  const session = onFakeDevice(owner);
  using tensor = Tensor.allocate(session.api, session.device, "float32", [1, 4]);
  expect(() => tensor.bytes()).toThrow(InternalError);
  const over = (): Tensor => Tensor.over(session.api, session.device, "float32", [1, 4], new ArrayBuffer(16));
  expect(over).toThrow(InternalError);
});

test("a tensor on the host is not bound where the session computes on a device, nor the reverse", async () => {
  using owner = await doublingSession();
  const session = onFakeDevice(owner);
  using host = Tensor.allocate(session.api, session.cpu, "float32", [1, 4]);
  using device = Tensor.allocate(session.api, session.device, "float32", [1, 4]);
  using binding = new Binding(session);
  expect(() => binding.input("x", host)).toThrow("x is computed on cuda, its tensor is on the host");
  expect(() => binding.output("y", host)).toThrow("y is computed on cuda, its tensor is on the host");
  expect(() => binding.hostInput("x", device)).toThrow("x is read on the host, its tensor is on a device");
  binding.hostInput("x", host);
});

test("blocks that lie equally far apart are copied, and what is between them stays", async () => {
  using session = await doublingSession();
  using tensor = Tensor.allocate(session.api, session.cpu, "uint8", [12]);
  tensor.bytes().set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  tensor.copyBlocksWithin(6, 0, { count: 2, bytes: 2, stride: 3 });
  expect([...tensor.bytes()]).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 9, 4, 5, 12]);
  expect(() => tensor.copyBlocksWithin(8, 0, { count: 2, bytes: 2, stride: 3 })).toThrow(InternalError);
});
