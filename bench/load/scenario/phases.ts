/** The parts of a scenario that are measured one after the other. */
import { describeArrival, type Arrival } from "./arrivals.js";
import type { Scenario, Traffic } from "./scenario.js";

export interface Phase {
  /** What is different from the others; empty where there are none. */
  readonly label: string;
  /** Its place on the axis of a plot: clients of a sweep, requests a second of a search. */
  readonly x: number | undefined;
  readonly traffic: readonly Traffic[];
}

/** All phases of a scenario that does not seek: what follows depends on what came before there. */
export function phasesOf({ traffic, sweepClients }: Scenario): Phase[] {
  if (sweepClients === undefined) return [{ label: "", x: undefined, traffic }];
  return sweepClients.map((clients) => phaseWith(traffic, { kind: "closed", clients }, clients));
}

export function phaseAtRate({ traffic }: Scenario, perSecond: number): Phase {
  return phaseWith(traffic, { kind: "poisson", perSecond }, perSecond);
}

/** The first traffic arrives in another way. */
function phaseWith([first, ...others]: readonly Traffic[], arrival: Arrival, x: number): Phase {
  return { label: describeArrival(arrival), x, traffic: first === undefined ? [] : [{ ...first, arrival }, ...others] };
}
