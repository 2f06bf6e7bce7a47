/**
 * Whether to export traces, and how: our two settings, which are TGIS's, and OpenTelemetry's standard variables
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). What is not read here (headers,
 * timeouts, batches, the sampler's argument, ...) the SDK reads by itself.
 */
import { ConfigurationError } from "../../errors.js";

export interface TracingSettings {
  /** URL of the collector; empty = the standard variables say it. */
  readonly otlpEndpoint: string;
  /** Empty = `OTEL_RESOURCE_ATTRIBUTES` may say it, else `ortler`. */
  readonly otlpServiceName: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const protocols = ["grpc", "http/protobuf"] as const;
export type OtlpProtocol = (typeof protocols)[number];

export interface TracingOptions {
  readonly protocol: OtlpProtocol;
  /** Undefined: the SDK has it from the standard variables, or takes the collector's port on this machine. */
  readonly url: string | undefined;
  readonly serviceName: string | undefined;
}

const exporters = ["otlp", "none"] as const;
const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
const endpointNames = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/**
 * @returns undefined when no traces are wanted.
 * @throws {ConfigurationError} for a value that the SDK would pass over in silence.
 */
export function tracingOptionsOf(
  { otlpEndpoint, otlpServiceName }: TracingSettings,
  environment: Environment,
): TracingOptions | undefined {
  const endpointName = endpointNames.find((name) => given(environment, name) !== undefined);
  const exporter = oneOf(environment, "OTEL_TRACES_EXPORTER", exporters);
  const isDisabled = given(environment, "OTEL_SDK_DISABLED")?.toLowerCase() === "true";
  const isWanted = exporter === "otlp" || otlpEndpoint !== "" || endpointName !== undefined;
  if (isDisabled || exporter === "none" || !isWanted) return undefined;

  oneOf(environment, "OTEL_TRACES_SAMPLER", samplers);
  const protocol =
    oneOf(environment, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", protocols) ??
    oneOf(environment, "OTEL_EXPORTER_OTLP_PROTOCOL", protocols) ??
    (otlpEndpoint === "" ? "http/protobuf" : "grpc"); // as TGIS exports to its endpoint
  if (endpointName !== undefined) checkUrl(endpointName, given(environment, endpointName) ?? "", protocol);
  return {
    protocol,
    url: otlpEndpoint === "" ? undefined : urlOf(otlpEndpoint, protocol),
    serviceName: otlpServiceName === "" ? undefined : otlpServiceName,
  };
}

/** Of a base, as `OTEL_EXPORTER_OTLP_ENDPOINT` is one. */
function urlOf(endpoint: string, protocol: OtlpProtocol): string {
  const base = endpoint.includes("://") ? endpoint : `http://${endpoint}`;
  checkUrl("--otlp-endpoint", base, protocol);
  return protocol === "grpc" ? base : `${base.replace(/\/$/, "")}/v1/traces`;
}

function checkUrl(name: string, text: string, protocol: OtlpProtocol): void {
  const isBare = protocol === "grpc" && !text.includes("://"); // gRPC's targets may be, with TLS then
  const url = isBare ? `https://${text}` : text;
  if (URL.canParse(url) && /^(https?|unix):$/.test(new URL(url).protocol)) return;
  throw new ConfigurationError(`${name} must be a URL such as http://collector:4317, got ${JSON.stringify(text)}`);
}

function oneOf<const T extends string>(environment: Environment, name: string, words: readonly T[]): T | undefined {
  const text = given(environment, name);
  const word = words.find((candidate) => candidate === text);
  if (text === undefined || word !== undefined) return word;
  throw new ConfigurationError(
    `${name} in the environment must be one of ${words.join(", ")}, got ${JSON.stringify(text)}`,
  );
}

/** An empty value counts as not set. */
function given(environment: Environment, name: string): string | undefined {
  const text = environment[name]?.trim();
  return text === "" ? undefined : text;
}
