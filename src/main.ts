/** The life of the server: model -> engine -> ports -> ready -> signal -> drain. */
import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { startService, type Service } from "./assemble.js";
import type { Config } from "./config/settings.js";
import { OrtlerError } from "./errors.js";
import type { StopSignal } from "./shutdown.js";
import type { Logger } from "./telemetry/log.js";

/**
 * Serves until a signal asks to stop.
 *
 * @param stop Of `stopRequested`, which has to listen before this module and all that it needs are loaded.
 * @returns The exit code: 0 after a signal, 1 when the start failed.
 */
export async function serve(config: Config, log: Logger, stop: Promise<StopSignal>): Promise<number> {
  exitOnUnhandledErrors(log);
  const started = await Promise.race([stop, startService(config, log).catch((error: unknown) => asError(error))]);
  if (typeof started === "string") return stoppedDuringStart(started, log);
  if (started instanceof Error) return startFailed(started, log);
  announceReady(started, log);
  await drain(started, await stop, config, log);
  return 0;
}

/**
 * After an error that nobody handled, what the process holds is unknown: an engine that is wrong would answer wrongly,
 * and one that is stuck would look alive. So the process ends, and whoever supervises it starts another.
 * (Node raises unhandled rejections as uncaught exceptions. Errors of one request or one step never come here.)
 */
function exitOnUnhandledErrors(log: Logger): void {
  process.on("uncaughtException", (error, origin) => {
    log.error("ending after an error that nobody handled", { error, origin });
    process.exit(1);
  });
}

/**
 * The one line on standard output, for scripts that wait for it. `performance.now()` counts from Node's
 * `timeOrigin`, which it takes before it sets up V8 and reads any of our files: the start of Node itself is in `ms`.
 */
function announceReady({ modelId, modelDigest, ports }: Service, log: Logger): void {
  const ms = Math.round(performance.now());
  log.info("serving", { model: modelId, digest: modelDigest, ...ports, ms });
  process.stdout.write(`${JSON.stringify({ event: "ready", model: modelId, digest: modelDigest, ports, ms })}\n`);
}

/** Balancers hear of the end later than the process does, and until then what they send is answered. */
async function drain(service: Service, signal: StopSignal, config: Config, log: Logger): Promise<void> {
  const delayMs = config.shutdownDelaySeconds * 1000;
  const graceMs = config.shutdownGraceSeconds * 1000;
  log.info("draining", { signal, delayMs, graceMs });
  const start = performance.now();
  service.turnUnready();
  await setTimeout(delayMs);
  await service.drain(graceMs);
  log.info("stopped", { ms: Math.round(performance.now() - start) });
}

function stoppedDuringStart(signal: StopSignal, log: Logger): number {
  log.info("stopped before serving", { signal });
  return 0;
}

/** What the operator can mend is said in one line; a bug comes with its stack. */
function startFailed(error: Error, log: Logger): number {
  if (error instanceof OrtlerError && error.kind !== "internal") log.error(`cannot start: ${error.message}`);
  else log.error("cannot start", { error });
  return 1;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
