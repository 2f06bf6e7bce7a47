/** A scenario: what is asked of a server, and when. Data, so that operators write their own as a JSON file. */
import {
  FieldError,
  integer,
  listOf,
  number,
  optional,
  string,
  withDefault,
  type Field,
  type Fields,
} from "../../../src/api/fields.js";
import type { Arrival } from "./arrivals.js";
import { length } from "./length.js";
import { passages } from "./passages.js";
import { strictObject } from "./strict-object.js";

const positive = number({ exclusiveMinimum: 0, maximum: 1e6 });
const count = integer({ minimum: 1, maximum: 65_535 });
const milliseconds = number({ exclusiveMinimum: 0, maximum: 1e9 });

/** Without these a request is greedy. */
const sampling = strictObject({
  temperature: withDefault(number({ exclusiveMinimum: 0, maximum: 2 }), 1),
  topK: optional(integer({ minimum: 1 })),
  topP: optional(number({ exclusiveMinimum: 0, maximum: 1 })),
});

const arrivalFields = {
  /** Closed loop. */
  clients: optional(count),
  /** Open loop, Poisson. */
  perSecond: optional(positive),
  /** Open loop: so many at once, each `everySeconds`. */
  burst: optional(count),
  everySeconds: withDefault(positive, 5),
};

const trafficFields = strictObject({
  name: withDefault(string, "all"),
  ...arrivalFields,
  /** Of the part that each request has for itself. */
  promptTokens: length,
  completionTokens: length,
  /** What prompts begin with, in front of their own part. */
  sharedTokens: withDefault(integer({ minimum: 0, maximum: 1_048_576 }), 0),
  /** How many different beginnings there are. */
  sharedPrefixes: withDefault(count, 1),
  /** Without it prompts are words in any order. */
  passages: optional(passages),
  sampling: optional(sampling),
});

/** Requests of one kind that come in one way. */
export type Traffic = Omit<Fields<{ all: typeof trafficFields }>["all"], keyof typeof arrivalFields> & {
  readonly arrival: Arrival;
};

const traffic: Field<Traffic> = {
  ...trafficFields,
  read: (value, path) => {
    const { clients, perSecond, burst, everySeconds, ...rest } = trafficFields.read(value, path);
    const arrivals: (Arrival | undefined)[] = [
      clients === undefined ? undefined : { kind: "closed", clients },
      perSecond === undefined ? undefined : { kind: "poisson", perSecond },
      burst === undefined ? undefined : { kind: "burst", size: burst, everySeconds },
    ];
    const [arrival, another] = arrivals.filter((each) => each !== undefined);
    if (arrival === undefined || another !== undefined)
      throw new FieldError(path, `${path} must have exactly one of clients, perSecond and burst`);
    return { ...rest, arrival };
  },
};

/**
 * What a good answer is. Goodput counts requests that meet both times. Where `share` of them do, a rate of requests
 * meets the objective.
 */
const slo = strictObject({
  firstTokenMs: milliseconds,
  /** Of one request, on average from one token to the next. */
  tokenMs: milliseconds,
  share: withDefault(number({ exclusiveMinimum: 0, maximum: 1 }), 0.95),
});
export type Slo = Fields<{ all: typeof slo }>["all"];

const defaultSlo: Slo = { firstTokenMs: 1000, tokenMs: 100, share: 0.95 };

const scenarioFields = strictObject({
  name: string,
  about: withDefault(string, ""),
  /** At the same time. */
  traffic: listOf(traffic, { minItems: 1, maxItems: 16 }),
  /** What is measured, after the warm-up, which is not. */
  seconds: positive,
  warmUpSeconds: withDefault(number({ minimum: 0, maximum: 1e6 }), 3),
  slo: withDefault(slo, defaultSlo),
  /** Measured once with each number of clients in place of the first traffic's. */
  sweepClients: optional(listOf(count, { minItems: 1, maxItems: 64 })),
  /** Seeks the highest Poisson rate of the first traffic that meets the objective. */
  saturation: optional(
    strictObject({
      fromPerSecond: positive,
      /** Seeking ends when the rate is known within this share of it. */
      precision: withDefault(number({ minimum: 0.01, maximum: 1 }), 0.1),
    }),
  ),
});

export type Scenario = Fields<{ all: typeof scenarioFields }>["all"];

/** @throws {FieldError} naming the field, the value and the rule. */
export function readScenario(json: unknown): Scenario {
  return scenarioFields.read(json, "");
}
