/** What all tables have in common, whatever the protocol of their calls. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { Random } from "../support/random.js";
import type { GrpcClient } from "./grpc/client.js";
import type { HttpClient } from "./http/client.js";

/** One server, by both transports. */
export interface Clients {
  readonly grpc: GrpcClient;
  readonly http: HttpClient;
}

/** A row as one method of its API sees it. */
export interface Case {
  /** Unique in its table. */
  readonly name: string;
  /** Makes the call and says what is wrong with the answer; nothing when it is as the row has it. */
  readonly judge: (clients: Clients) => Promise<string[]>;
}

export interface Table {
  readonly name: string;
  readonly cases: readonly Case[];
}

/** The same answer as a unary call gives it, made of the parts of a stream. */
export interface Joined {
  readonly response: unknown;
  /** What the parts have that they must not have at their place, or lack; empty when they are as they should be. */
  readonly faults: readonly string[];
}

/** The rows of a table, in the order of the file; run from the root of the repository. */
export function readRows<Row>(name: string): Row[] {
  return parse(readFileSync(`test/conformance/${name}.yaml`, "utf8")) as Row[];
}

/** All items once, in an order that depends on the seed alone. */
export function inRandomOrder<T>(items: readonly T[], seed: number): T[] {
  const random = new Random(seed);
  const rest = [...items];
  return items.flatMap(() => rest.splice(random.integer(0, rest.length), 1));
}

/** What is wrong when a claim does not hold. */
export type Rule = readonly [holds: boolean, fault: string];

/** The faults of the rules that do not hold. */
export function faultsOf(rules: readonly Rule[]): string[] {
  return rules.filter(([holds]) => !holds).map(([, fault]) => fault);
}
