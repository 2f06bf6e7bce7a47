import { expect, test } from "vitest";
import { KnownModels } from "../../../src/api/caikit/models.js";

const served = {
  id: "served",
  path: "/models/served",
  sizeBytes: 1,
  producer: { name: "Text Generation", version: "0.1.0" },
};

test("knows the served model from the start, and every other id from its first use", () => {
  const models = new KnownModels(() => served);
  models.use("b");
  models.use("served");
  models.use("../a");
  expect(models.ids()).toEqual(["served", "b", "../a"]);
  expect([models.has("served"), models.has("b"), models.has("c")]).toEqual([true, true, false]);
});

test("forgets an id, but never the served model's", () => {
  const models = new KnownModels(() => served);
  models.use("b");
  for (const id of ["b", "served", "unknown"]) models.forget(id);
  expect(models.ids()).toEqual(["served"]);
});

test("remembers 1,000 ids besides its own, and forgets the one unused for longest first", () => {
  const models = new KnownModels(() => served);
  for (let i = 0; i < 1000; i++) models.use(`id ${i}`);
  models.use("id 0");
  models.use("one more");
  expect(models.ids()).toHaveLength(1001);
  expect([models.has("id 0"), models.has("id 1"), models.has("id 2"), models.has("one more")]).toEqual([
    true,
    false,
    true,
    true,
  ]);
});
