import { expect, test } from "vitest";
import { tracingOptionsOf, type Environment, type TracingSettings } from "../../../src/telemetry/tracing/options.js";

function optionsOf(environment: Environment, settings: Partial<TracingSettings> = {}) {
  return tracingOptionsOf({ otlpEndpoint: "", otlpServiceName: "", ...settings }, environment);
}

test.each<[string, Environment, Partial<TracingSettings>]>([
  ["without a word of them", {}, {}],
  ["when the exporter is none", { OTEL_TRACES_EXPORTER: "none" }, { otlpEndpoint: "http://c:4317" }],
  ["when the SDK is disabled", { OTEL_SDK_DISABLED: "True", OTEL_TRACES_EXPORTER: "otlp" }, {}],
  ["when what asks for them is empty", { OTEL_TRACES_EXPORTER: " ", OTEL_EXPORTER_OTLP_ENDPOINT: "" }, {}],
  ["for a service name alone", {}, { otlpServiceName: "llm" }],
])("no traces are exported %s", (_when, environment, settings) => {
  expect(optionsOf(environment, settings)).toBe(undefined);
});

test.each<[string, Environment]>([
  ["OTEL_TRACES_EXPORTER=otlp", { OTEL_TRACES_EXPORTER: "otlp" }],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318" }],
  ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://c/in" }],
])("%s asks for traces, over HTTP, and leaves the URL to the SDK", (_name, environment) => {
  expect(optionsOf(environment)).toEqual({ protocol: "http/protobuf", url: undefined, serviceName: undefined });
});

test("TGIS's endpoint is one of gRPC, with or without a scheme", () => {
  const urls = ["http://c:4317", "c:4317", "https://c"].map((otlpEndpoint) => optionsOf({}, { otlpEndpoint }));
  expect(urls.map((options) => options?.protocol)).toEqual(["grpc", "grpc", "grpc"]);
  expect(urls.map((options) => options?.url)).toEqual(["http://c:4317", "http://c:4317", "https://c"]);
});

test("over HTTP TGIS's endpoint is a base, as the standard one is", () => {
  const environment = { OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" };
  const settings = { otlpEndpoint: "http://c:4318/", otlpServiceName: "llm" };
  expect(optionsOf(environment, settings)).toEqual({
    protocol: "http/protobuf",
    url: "http://c:4318/v1/traces",
    serviceName: "llm",
  });
});

test("the protocol of traces goes before that of all signals", () => {
  const environment = {
    OTEL_TRACES_EXPORTER: "otlp",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "grpc",
  };
  expect(optionsOf(environment)?.protocol).toBe("grpc");
});

test("gRPC takes an endpoint without a scheme from the environment, HTTP does not", () => {
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4317" };
  expect(optionsOf({ ...environment, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" })?.protocol).toBe("grpc");
  expect(() => optionsOf(environment)).toThrow(
    'OTEL_EXPORTER_OTLP_ENDPOINT must be a URL such as http://collector:4317, got "collector:4317"',
  );
});

test.each<[Environment, string]>([
  [
    { OTEL_TRACES_EXPORTER: "zipkin" },
    'OTEL_TRACES_EXPORTER in the environment must be one of otlp, none, got "zipkin"',
  ],
  [
    { OTEL_TRACES_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" },
    'OTEL_EXPORTER_OTLP_PROTOCOL in the environment must be one of grpc, http/protobuf, got "http/json"',
  ],
  [
    { OTEL_TRACES_EXPORTER: "otlp", OTEL_TRACES_SAMPLER: "half" },
    "OTEL_TRACES_SAMPLER in the environment must be one of always_on, always_off, traceidratio, " +
      'parentbased_always_on, parentbased_always_off, parentbased_traceidratio, got "half"',
  ],
])("a value that the SDK would pass over stops the start: %o", (environment, message) => {
  expect(() => optionsOf(environment)).toThrow(message);
});

test("an endpoint that is no URL stops the start", () => {
  expect(() => optionsOf({}, { otlpEndpoint: "ftp://c" })).toThrow("--otlp-endpoint must be a URL such as http");
});
