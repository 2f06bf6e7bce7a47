/** What is told of it all. */
import { oneOf, text } from "../kinds.js";
import type { OptionTable } from "../options.js";

const logLevels = ["debug", "info", "warn", "error", "off"] as const;
const logFormats = ["auto", "text", "json"] as const;

/** Caikit's (alog) and TGIS's (tracing) words for our levels. */
const foreignLevels = {
  warning: "warn",
  fatal: "error",
  trace: "debug",
  debug1: "debug",
  debug2: "debug",
  debug3: "debug",
  debug4: "debug",
} as const;

export const telemetrySettings = {
  logLevel: {
    kind: oneOf(logLevels, foreignLevels),
    default: "info",
    group: "Logs",
    doc: "Least level that is logged, to standard error.",
    aliases: [{ env: "LOG_LEVEL" }],
  },
  logFormat: {
    kind: oneOf(logFormats, { pretty: "text" }),
    default: "auto",
    group: "Logs",
    doc: "Lines for people or JSON lines. `auto`: for people on a terminal, else JSON.",
    aliases: [
      { env: "LOG_FORMATTER" },
      { flag: "json-output", env: "JSON_OUTPUT", values: { true: "json", false: "text" }, isSwitch: true },
    ],
  },
  otlpEndpoint: {
    kind: text("URL"),
    default: "",
    defaultText: "none: no traces, unless OpenTelemetry's own variables ask for them",
    group: "Traces",
    doc: "OpenTelemetry collector to export traces to, over gRPC unless OTEL_EXPORTER_OTLP_PROTOCOL says otherwise.",
    aliases: [{ env: "OTLP_ENDPOINT" }],
  },
  otlpServiceName: {
    kind: text("NAME"),
    default: "",
    defaultText: "ortler",
    group: "Traces",
    doc: "Name of this service in traces.",
    aliases: [{ env: "OTLP_SERVICE_NAME" }, { env: "OTEL_SERVICE_NAME" }],
  },
} as const satisfies OptionTable;
