/** The ways in which a server may start: where its model is, in which precision, and what an earlier start has left. */
import { rm } from "node:fs/promises";
import path from "node:path";
import type { Prompt } from "../engine/prompts.js";

/** Of `--model-cache` and `--weights-cache`. `unused`: there are none. */
export type Caches = "unused" | "empty" | "filled";

export interface Way {
  readonly source: "folder" | "MinIO";
  readonly precision: "float32" | "int8";
  readonly caches: Caches;
}

/** A model, and where it is. */
export interface StartModel {
  readonly name: string;
  readonly folder: string;
  /** `s3://...`; undefined where there is no MinIO. */
  readonly uri: string | undefined;
  /** What it is asked. */
  readonly prompt: Prompt;
}

/** A way to start with a model. */
export interface Start extends Way {
  readonly model: StartModel;
  /** Arguments of the server. */
  readonly args: readonly string[];
  /** Before each start, beside what is measured. */
  readonly prepare: () => Promise<void>;
}

const ways: readonly Way[] = [
  { source: "folder", precision: "float32", caches: "unused" },
  { source: "folder", precision: "int8", caches: "unused" },
  { source: "folder", precision: "int8", caches: "filled" },
  { source: "MinIO", precision: "float32", caches: "empty" },
  { source: "MinIO", precision: "float32", caches: "filled" },
  { source: "MinIO", precision: "int8", caches: "empty" },
  { source: "MinIO", precision: "int8", caches: "filled" },
];

/** @param cachesFolder in which each start has its own; whoever starts fills them. */
export function startsOf(model: StartModel, cachesFolder: string): Start[] {
  const possible = ways.filter(({ source }) => source === "folder" || model.uri !== undefined);
  return possible.map((way, index) => {
    const folder = path.join(cachesFolder, model.name, String(index));
    const caches = [`--model-cache=${path.join(folder, "models")}`, `--weights-cache=${path.join(folder, "weights")}`];
    const from = way.source === "folder" ? model.folder : model.uri;
    return {
      ...way,
      model,
      args: [`--model=${from}`, `--dtype=${way.precision}`, ...(way.caches === "unused" ? [] : caches)],
      prepare: async () => {
        if (way.caches === "empty") await rm(folder, { recursive: true, force: true });
      },
    };
  });
}
