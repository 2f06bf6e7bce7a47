/**
 * When requests come. In a closed loop each client sends its next request once it has its answer: a slow server gets
 * fewer. In an open loop requests come when they are due, whatever the server does, and latency counts from then on.
 */
import type { Random } from "./length.js";

export type Arrival =
  | { readonly kind: "closed"; readonly clients: number }
  /** Independent requests: the time from one to the next is exponentially distributed. */
  | { readonly kind: "poisson"; readonly perSecond: number }
  /** `size` requests at once. */
  | { readonly kind: "burst"; readonly size: number; readonly everySeconds: number };

export type OpenArrival = Exclude<Arrival, { readonly kind: "closed" }>;

/** The milliseconds, ascending in [0, durationMs), at which the requests of an open loop are due. */
export function dueTimes(arrival: OpenArrival, durationMs: number, random: Random): number[] {
  return arrival.kind === "poisson"
    ? poissonTimes(arrival.perSecond, durationMs, random)
    : burstTimes(arrival.size, arrival.everySeconds * 1000, durationMs);
}

function poissonTimes(perSecond: number, durationMs: number, random: Random): number[] {
  const times: number[] = [];
  const next = (ms: number): number => ms - (1000 / perSecond) * Math.log(1 - random()); // 1 - x is never 0
  for (let ms = next(0); ms < durationMs; ms = next(ms)) times.push(ms);
  return times;
}

function burstTimes(size: number, everyMs: number, durationMs: number): number[] {
  const bursts = Array.from({ length: Math.ceil(durationMs / everyMs) }, (_, burst) => burst * everyMs);
  return bursts.flatMap((ms) => Array.from({ length: size }, () => ms));
}

/** Clients and rates in words, for tables and plots. */
export function describeArrival(arrival: Arrival): string {
  switch (arrival.kind) {
    case "closed":
      return `${arrival.clients} ${arrival.clients === 1 ? "client" : "clients"}`;
    case "poisson":
      return `${arrival.perSecond} requests/s`;
    case "burst":
      return `${arrival.size} at once every ${arrival.everySeconds} s`;
  }
}
