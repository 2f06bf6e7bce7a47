/** The scenario of a run: one that is shipped or in a file, with what the command line says otherwise. */
import { readFileSync } from "node:fs";
import { ConfigurationError } from "../../../src/errors.js";
import type { LoadOptions } from "../options.js";
import type { Arrival } from "./arrivals.js";
import type { Length } from "./length.js";
import { readScenario, type Scenario, type Traffic } from "./scenario.js";
import { shippedScenarios } from "./shipped.js";

/** @throws {ConfigurationError} for an unknown name, a file that cannot be read, and one that has no scenario. */
export function chooseScenario(options: LoadOptions): Scenario {
  return override(scenarioOf(options.smoke === true ? "smoke" : options.scenario), options);
}

/**
 * @param name of a scenario that is shipped, or of a file with one.
 * @throws {ConfigurationError} when it is neither.
 */
export function scenarioOf(name: string): Scenario {
  return shippedScenarios.find((each) => each.name === name) ?? readFile(name);
}

function readFile(file: string): Scenario {
  try {
    return readScenario(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    const names = shippedScenarios.map(({ name }) => name).join(", ");
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`--scenario must be one of ${names}, or a JSON file: ${file}: ${why}`, { cause });
  }
}

function override(scenario: Scenario, options: LoadOptions): Scenario {
  const [first, ...others] = scenario.traffic;
  if (first === undefined) return scenario;
  const arrival = givenArrival(options);
  const { slo } = scenario;
  return {
    ...scenario,
    seconds: options.seconds ?? scenario.seconds,
    warmUpSeconds: options.warmUpSeconds ?? scenario.warmUpSeconds,
    slo: {
      ...slo,
      firstTokenMs: options.sloFirstTokenMs ?? slo.firstTokenMs,
      tokenMs: options.sloTokenMs ?? slo.tokenMs,
    },
    traffic: [overrideTraffic(first, arrival, options), ...others],
    ...(arrival !== undefined && { sweepClients: undefined, saturation: undefined }), // one number in place of many
  };
}

function overrideTraffic(traffic: Traffic, arrival: Arrival | undefined, options: LoadOptions): Traffic {
  const fixed = (tokens: number | undefined): Length | undefined =>
    tokens === undefined ? undefined : { kind: "fixed", tokens };
  return {
    ...traffic,
    arrival: arrival ?? traffic.arrival,
    promptTokens: fixed(options.promptTokens) ?? traffic.promptTokens,
    completionTokens: fixed(options.completionTokens) ?? traffic.completionTokens,
    sharedTokens: options.sharedTokens ?? traffic.sharedTokens,
  };
}

function givenArrival({ clients, rate }: LoadOptions): Arrival | undefined {
  if (clients !== undefined && rate !== undefined)
    throw new ConfigurationError("--clients and --rate exclude each other");
  if (clients !== undefined) return { kind: "closed", clients };
  return rate === undefined ? undefined : { kind: "poisson", perSecond: rate };
}
