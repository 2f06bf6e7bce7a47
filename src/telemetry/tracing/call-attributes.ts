/**
 * What is said of a call, by OpenTelemetry's semantic conventions 1.45 for HTTP and for RPC
 * (https://opentelemetry.io/docs/specs/semconv/).
 */
import type { Attributes } from "@opentelemetry/api";
import type { CallEndEvent, CallEvent } from "../call-events.js";

/** Health checks come every few seconds and say nothing. */
export function isProbe({ service, http }: CallEvent): boolean {
  return service === "grpc.health.v1.Health" || healthRoutes.has(http?.route ?? "");
}

const healthRoutes = new Set(["/health", "/v2/health/live", "/v2/health/ready"]);

/** `POST /v1/completions`, `fmaas.GenerationService/Generate`: never an URL, of which there is no end. */
export function nameOfCall({ service, method, http }: CallEvent): string {
  if (http === undefined) return `${service}/${method}`;
  return http.route === undefined ? http.method : `${http.method} ${http.route}`;
}

export function attributesOfCall({ service, method, http }: CallEvent): Attributes {
  if (http === undefined) return { "rpc.system.name": "grpc", "rpc.method": `${service}/${method}` };
  return {
    "http.request.method": http.method,
    "url.path": shortened(http.path),
    "url.scheme": http.scheme,
    ...(http.route !== undefined && { "http.route": http.route }),
  };
}

export function attributesOfCallEnd(call: CallEvent, end: CallEndEvent): Attributes {
  const { httpStatus, code } = end;
  const status = call.http === undefined ? { "rpc.status_code": code } : { "http.response.status_code": httpStatus };
  return { ...status, ...(isServerError(call, end) && { "error.type": errorTypeOf(end) }) };
}

/** What is the server's fault. A client's mistake is no error of the server's span. */
export function isServerError({ http }: CallEvent, { code, httpStatus = 0 }: CallEndEvent): boolean {
  return http === undefined ? serverErrors.has(code) : httpStatus >= 500;
}

const serverErrors = new Set(["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"]);

function errorTypeOf({ code, httpStatus }: CallEndEvent): string {
  return httpStatus === undefined ? code : String(httpStatus);
}

/** Of a text that the client chose. */
export function shortened(text: string): string {
  return text.slice(0, 256);
}
