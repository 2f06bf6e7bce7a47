import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { Logger } from "../log.js";
import type { TracingOptions } from "./options.js";

type Export = SpanExporter["export"];
type Result = Parameters<Parameters<Export>[1]>[0];

/**
 * Loads the exporter of the protocol, and not the other one. By way of files of ours: what a bundle gives for a
 * CommonJS package that is imported dynamically lacks the names that it exports.
 */
export async function createExporter({ protocol, url }: TracingOptions): Promise<SpanExporter> {
  const config = url === undefined ? {} : { url };
  if (protocol === "grpc") {
    const { GrpcExporter } = await import("./grpc-exporter.js");
    return new GrpcExporter(config);
  }
  const { HttpExporter } = await import("./http-exporter.js");
  return new HttpExporter(config);
}

/** Between two lines on exports that fail; a collector may be away for hours. */
const quietMs = 60_000;

/** Logs exports that fail: the first one, then at most one a minute, with the spans that were lost since. */
export class ReportingExporter implements SpanExporter {
  #lostSpans = 0;
  #toldMs = -Infinity;

  /** @param nowMs milliseconds, monotonic. */
  constructor(
    private readonly inner: SpanExporter,
    private readonly log: Pick<Logger, "warn">,
    private readonly nowMs = () => performance.now(),
  ) {}

  export(...[spans, done]: Parameters<Export>): void {
    this.inner.export(spans, (result) => {
      const code: number = result.code;
      if (code !== success) this.#failed(spans.length, result);
      done(result);
    });
  }

  async forceFlush(): Promise<void> {
    return this.inner.forceFlush?.();
  }

  async shutdown(): Promise<void> {
    return this.inner.shutdown();
  }

  #failed(spans: number, { error }: Result): void {
    this.#lostSpans += spans;
    if (this.nowMs() - this.#toldMs < quietMs) return;
    this.log.warn("traces could not be exported", { lostSpans: this.#lostSpans, reason: error?.message });
    this.#toldMs = this.nowMs();
    this.#lostSpans = 0;
  }
}

/** `ExportResultCode.SUCCESS`, which is in a package that only the SDK depends on. */
const success = 0;
