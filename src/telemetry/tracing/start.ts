import type { CallEndEvent, CallEvent } from "../call-events.js";
import type { EndEvent } from "../engine-events.js";
import type { Logger } from "../log.js";
import { tracingOptionsOf, type Environment, type TracingSettings } from "./options.js";

export interface TracingInput {
  readonly settings: TracingSettings;
  /** Of the server, for the traces' resource. */
  readonly version: string;
  /** The served model's name. */
  readonly modelId: string;
  readonly log: Pick<Logger, "info" | "warn">;
  readonly environment?: Environment;
  /** Milliseconds since the epoch. */
  readonly nowMs?: () => number;
}

/** Makes spans of what it is told, and exports them in batches. It never fails, and nobody waits for it. */
export interface Tracing {
  readonly apiObserver: {
    readonly callStarted: (call: CallEvent) => void;
    readonly callEnded: (call: CallEvent, end: CallEndEvent) => void;
  };
  readonly engineObserver: { readonly finished: (end: EndEvent) => void };
  /** Exports what is left, for `timeoutMs` at most (but a second at least, and 5 at most), and stops. Never rejects. */
  close(timeoutMs: number): Promise<void>;
}

/**
 * Starts tracing when the settings or the environment ask for it; OpenTelemetry's SDK is loaded only then.
 * @returns undefined when no traces are wanted.
 * @throws {ConfigurationError} for settings that cannot be meant.
 */
export async function startTracing(input: TracingInput): Promise<Tracing | undefined> {
  const { settings, environment = processEnvironment(), log } = input;
  const options = tracingOptionsOf(settings, environment);
  if (options === undefined) return undefined;
  const { createTracing } = await import("./open-telemetry.js");
  log.info("traces", { ...options });
  return createTracing(options, input);
}

/** These are no settings of ours: OpenTelemetry defines them, and its SDK reads them at the same place. */
function processEnvironment(): Environment {
  // eslint-disable-next-line no-restricted-properties -- see above
  return process.env;
}
