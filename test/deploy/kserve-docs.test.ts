import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { examples, overlays } from "./support/kustomize.js";
import { findFaults, parseManifests } from "./support/manifests.js";

const pages = { deploy: readFileSync("docs/deploy.md", "utf8"), migration: readFileSync("docs/migration.md", "utf8") };
const foldersIn = (page: string) => [...page.matchAll(/-k runtime\/([\w/-]+)/g)].map(([, folder = ""]) => folder);

test("every folder that a page applies is there", () => {
  const named = Object.values(pages).flatMap(foldersIn);
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter((folder) => ![...overlays, ...examples].includes(folder))).toEqual([]);
});

test("docs/deploy.md names every overlay and every example", () => {
  expect(overlays.filter((overlay) => !pages.deploy.includes(`\`runtime/${overlay}\``))).toEqual([]);
  const names = examples.map((example) => example.replace(/^examples\/(serverless|raw)\//, ""));
  expect(
    names.filter((name) => !pages.deploy.includes(`\`${name}\``) && !pages.deploy.includes(`\`raw/${name}\``)),
  ).toEqual([]);
});

test("the runtime in docs/migration.md is valid", () => {
  const blocks = [...pages.migration.matchAll(/```yaml\n(.*?)```/gs)].flatMap(([, yaml = ""]) => parseManifests(yaml));
  expect(blocks.map(({ kind }) => kind)).toEqual(["ServingRuntime"]);
  expect(blocks.flatMap(findFaults)).toEqual([]);
});
