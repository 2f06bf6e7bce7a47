/**
 * The report of a load test as JSON. One table of fields is its type, reads it back, and is its JSON Schema
 * (`report.schema.json` beside this file).
 */
import {
  integer,
  listOf,
  mapOf,
  number,
  object,
  optional,
  string,
  type Fields,
  type JsonSchema,
} from "../../../src/api/fields.js";
import { ConfigurationError } from "../../../src/errors.js";

/** Goes up when a field changes its name or its meaning; new fields that may be absent do not count. */
export const reportVersion = 1;

/** What is not negative. */
const amount = number({ minimum: 0 });
const count = integer({ minimum: 0 });

/** Order statistics in milliseconds. */
const latency = object({
  count,
  mean: amount,
  p50: amount,
  p90: amount,
  p99: amount,
  max: amount,
  /** The 0th to the 100th percentile. */
  percentiles: listOf(amount, { minItems: 101, maxItems: 101 }),
});

/** Requests that were due while it was measured, and what became of them. */
const outcome = object({
  requests: object({ due: count, answered: count, failed: count, good: count }),
  /** By code; only requests that were due while it was measured. */
  errors: mapOf(count),
  /** Of answered requests. Absent where there was none. */
  firstTokenMs: optional(latency),
  /** From one token to the next; tokens that came together share the time. */
  tokenMs: optional(latency),
  endToEndMs: optional(latency),
  /** Of one answered request after its first token: the median. Absent where none had two. */
  decodeTokensPerSecond: optional(amount),
});

/** Within the measured time, whatever requests it came from. */
const rates = object({
  tokensPerSecond: amount,
  requestsPerSecond: amount,
  /** Requests a second that met the objective. */
  goodput: amount,
});

const tokens = object({
  /** Of answered requests, by the server's count. Absent: it does not say. */
  prompt: optional(count),
  completion: count,
  /** What was asked for: more than `completion` when texts ended by themselves. */
  completionWanted: count,
  /** Requests whose prompts have another length by the server's count than they were made to have. */
  promptMismatches: count,
  /** Requests whose completion tokens the server did not count: each part of their answers counts as one. */
  uncounted: count,
});

/** What the clients saw in one half second. */
const pulse = object({ seconds: number(), tokensPerSecond: amount, inFlight: count });

const serverSample = object({
  seconds: number(),
  queue: optional(amount),
  running: optional(amount),
  batch: optional(amount),
  kvShare: optional(amount),
  cpus: optional(amount),
  residentBytes: optional(amount),
});

const client = object({
  processes: count,
  /** Of the busiest process: CPU time over elapsed time. */
  cpuShare: amount,
  /** Of the process whose event loop was latest. */
  loopDelayP99Ms: optional(amount),
  /** Why the figures may be the client's and not the server's. */
  warning: optional(string),
});

const measurement = object({
  /** The name tells it from the others of the run. */
  target: object({ name: string, api: string, address: string, modelId: string }),
  phase: object({ label: string, x: optional(number()) }),
  seconds: amount,
  warmUpSeconds: amount,
  outcome,
  rates,
  tokens,
  /** The outcome of each traffic, where there is more than one. */
  traffic: listOf(object({ name: string, outcome })),
  pulses: listOf(pulse),
  server: listOf(serverSample),
  client,
});

const machine = object({
  cpu: string,
  cores: count,
  memoryBytes: count,
  node: string,
  loadAverage: amount,
});

const report = object({
  schemaVersion: integer({ minimum: reportVersion, maximum: reportVersion }),
  command: string,
  version: string,
  /** ISO 8601, UTC. */
  date: string,
  /** Of the clients; and of the server where the harness started it. */
  machine,
  seed: count,
  scenario: object({
    name: string,
    about: string,
    /** As text, for people. */
    traffic: listOf(string),
    slo: object({ firstTokenMs: amount, tokenMs: amount, share: amount }),
    /** What the phases differ in: `clients` or `requests/s`. Absent: there is one phase. */
    axis: optional(string),
  }),
  measurements: listOf(measurement),
  /** The highest rate that met the objective, by the target's name; absent: none did, or none was sought. */
  saturation: listOf(object({ target: string, perSecond: optional(amount) })),
});

export type Latency = Fields<{ all: typeof latency }>["all"];
export type Outcome = Fields<{ all: typeof outcome }>["all"];
export type Measurement = Fields<{ all: typeof measurement }>["all"];
export type LoadReport = Fields<{ all: typeof report }>["all"];

/** JSON Schema 2020-12 of the report. */
export const reportSchema: JsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Report of a load test of a text-generation server",
  ...report.schema,
};

/**
 * @param name of the file, for the error.
 * @throws {ConfigurationError} for what is no report, or one of another version.
 */
export function readReport(text: string, name: string): LoadReport {
  try {
    return report.read(JSON.parse(text), "");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`${name} is no report of version ${reportVersion}: ${why}`, { cause });
  }
}

/** Numbers with as many digits as mean something; maps as objects. */
export function writeReport(report: LoadReport): string {
  const plain = (_: string, value: unknown): unknown => {
    if (typeof value === "number" && !Number.isInteger(value)) return Number(value.toPrecision(6));
    return value instanceof Map ? Object.fromEntries(value) : value;
  };
  return `${JSON.stringify(report, plain, 2)}\n`;
}
