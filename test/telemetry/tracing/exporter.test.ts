import { InMemorySpanExporter, type ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { expect, test } from "vitest";
import { ReportingExporter } from "../../../src/telemetry/tracing/exporter.js";

/** Exports to memory, which takes nothing any more once `inner` is shut down. */
function harness() {
  const clock = { ms: 0 };
  const inner = new InMemorySpanExporter();
  const lines: string[] = [];
  const warn = (message: string, fields: object = {}) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const exporter = new ReportingExporter(inner, { warn }, () => clock.ms);
  /** Resolves to what the SDK is told: the error's message, or `exported`. */
  const exportSpans = async (count: number): Promise<string> =>
    new Promise((resolve) =>
      exporter.export(new Array<ReadableSpan>(count), ({ error }) => resolve(error?.message ?? "exported")),
    );
  return { clock, inner, lines, exportSpans };
}

test("exports that fail are told at once, then once a minute with all that was lost", async () => {
  const { clock, inner, lines, exportSpans } = harness();
  await inner.shutdown();
  await exportSpans(3);
  await exportSpans(5);
  clock.ms = 59_999;
  await exportSpans(7);
  clock.ms = 60_000;
  await exportSpans(11);
  expect(lines).toEqual([
    'traces could not be exported {"lostSpans":3,"reason":"Exporter has been stopped"}',
    'traces could not be exported {"lostSpans":23,"reason":"Exporter has been stopped"}',
  ]);
});

test("an export that works is not told, and the SDK hears of each what became of it", async () => {
  const { inner, lines, exportSpans } = harness();
  expect(await exportSpans(1)).toBe("exported");
  expect(lines).toEqual([]);
  await inner.shutdown();
  expect(await exportSpans(1)).toBe("Exporter has been stopped");
});
