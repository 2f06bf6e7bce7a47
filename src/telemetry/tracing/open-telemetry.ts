/** The parts of OpenTelemetry's SDK, put together. Imported only when traces are wanted. */
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { CallSpans } from "./call-spans.js";
import { epochClock } from "./clock.js";
import { createExporter, ReportingExporter } from "./exporter.js";
import type { TracingOptions } from "./options.js";
import { SequenceSpans } from "./sequence-spans.js";
import type { Tracing, TracingInput } from "./start.js";

/** A moment even when the grace period is used up: what is left is a few KB. */
const leastCloseMs = 1000;
/** A collector that is away must not hold up every pod of a roll-out. */
const mostCloseMs = 5000;

export async function createTracing(
  options: TracingOptions,
  { version, modelId, log, nowMs = epochClock() }: TracingInput,
): Promise<Tracing> {
  const exporter = new ReportingExporter(await createExporter(options), log);
  const provider = new BasicTracerProvider({
    resource: resourceOf(options, version),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer("ortler", version);
  const calls = new CallSpans(tracer, nowMs);
  const sequences = new SequenceSpans(tracer, { modelId, nowMs, parentOf: (caller) => calls.parentOf(caller) });
  return {
    apiObserver: {
      callStarted: (call) => calls.start(call),
      callEnded: (call, end) => calls.end(call, end),
    },
    engineObserver: { finished: (end) => sequences.add(end) },
    close: async (timeoutMs) => {
      const closed = provider.shutdown().catch(() => undefined); // the exporter has told
      await atMost(Math.min(Math.max(timeoutMs, leastCloseMs), mostCloseMs), closed);
    },
  };
}

function resourceOf({ serviceName }: TracingOptions, version: string) {
  return defaultResource()
    .merge(resourceFromAttributes({ "service.name": "ortler", "service.version": version }))
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(resourceFromAttributes(serviceName === undefined ? {} : { "service.name": serviceName }));
}

async function atMost(timeoutMs: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs)));
  await Promise.race([done, timeout]);
  clearTimeout(timer);
}
