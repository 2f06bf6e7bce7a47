import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { Random } from "../support/random.js";
import type { Json } from "./wire.js";

export type MethodName = "Generate" | "GenerateStream" | "Tokenize" | "ModelInfo";

/** A call and what it must give: either a response or an error. */
export interface Row {
  readonly name: string;
  readonly method: MethodName;
  readonly request: Json;
  readonly response?: Json;
  readonly error?: { readonly code: string; readonly message: string };
  /** The fields of each response that are compared; absent = all. */
  readonly only?: readonly string[];
}

/** A row as one method sees it. */
export interface Case {
  /** Unique. */
  readonly name: string;
  readonly method: MethodName;
  readonly request: Json;
  readonly row: Row;
}

/** The rows of fmaas.GenerationService, in the order of the file; run from the root of the repository. */
export function readTgisRows(): Row[] {
  return parse(readFileSync("test/conformance/tgis.yaml", "utf8")) as Row[];
}

/** Each row as it stands; a generation of one input as a stream besides. */
export function casesOf(rows: readonly Row[]): Case[] {
  return rows.flatMap((row) => {
    const asItStands = { name: row.name, method: row.method, request: row.request, row };
    const { requests, ...others } = row.request;
    if (row.method !== "Generate" || !Array.isArray(requests) || requests.length !== 1) return [asItStands];
    const request = { ...others, request: requests[0] as Json };
    return [asItStands, { name: `${row.name} (streamed)`, method: "GenerateStream", request, row }];
  });
}

/** All items once, in an order that depends on the seed alone. */
export function inRandomOrder<T>(items: readonly T[], seed: number): T[] {
  const random = new Random(seed);
  const rest = [...items];
  return items.flatMap(() => rest.splice(random.integer(0, rest.length), 1));
}
