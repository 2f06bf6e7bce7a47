/** Probes, read with the API server's defaults and made as the kubelet makes them. */
import { Client, credentials } from "@grpc/grpc-js";
import { fromBinary } from "@bufbuild/protobuf";
import { setTimeout } from "node:timers/promises";
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
} from "../../../src/api/grpc/generated/grpc/health/v1/health_pb.js";
import { encode } from "../../support/grpc.js";
import { at, isObject, textAt, textsAt, type JsonObject } from "../support/json.js";

export type ProbeAction =
  | { readonly kind: "grpc"; readonly port: number; readonly service: string }
  | { readonly kind: "httpGet"; readonly port: number; readonly path: string }
  | { readonly kind: "exec"; readonly command: readonly string[] };

export interface Probe {
  readonly action: ProbeAction;
  readonly initialDelaySeconds: number;
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

/** For clients of a pod: by no proxy, and each on a connection of its own. */
export const directly = { "grpc.enable_http_proxy": 0, "grpc.use_local_subchannel_pool": 1 } as const;

/** What a probe is sent to. */
export interface ProbeTarget {
  /** The pod's IP address. */
  readonly address: string;
  /** Runs a program in the container. @returns its exit code. */
  exec(command: readonly string[], timeoutSeconds: number): number | null;
}

export type ProbeName = "startupProbe" | "readinessProbe" | "livenessProbe";

/** @throws {Error} when the container has no such probe, or not by a port's number. */
export function readProbe(container: JsonObject, name: ProbeName): Probe {
  const probe = container[name];
  if (!isObject(probe)) throw new Error(`the container has no ${name}`);
  const seconds = (field: string, otherwise: number): number => Number(probe[field] ?? otherwise);
  return {
    action: readAction(probe),
    initialDelaySeconds: seconds("initialDelaySeconds", 0),
    periodSeconds: seconds("periodSeconds", 10),
    timeoutSeconds: seconds("timeoutSeconds", 1),
    failureThreshold: seconds("failureThreshold", 3),
  };
}

function readAction(probe: JsonObject): ProbeAction {
  const command = textsAt(probe, "exec", "command");
  if (command.length > 0) return { kind: "exec", command };
  const port = at(probe, "grpc", "port") ?? at(probe, "httpGet", "port");
  if (typeof port !== "number") throw new Error(`a probe of no port's number: ${JSON.stringify(probe)}`);
  return isObject(probe["grpc"])
    ? { kind: "grpc", port, service: textAt(probe, "grpc", "service") }
    : { kind: "httpGet", port, path: textAt(probe, "httpGet", "path") };
}

/**
 * Probes until one probe succeeds, or `failureThreshold` have failed.
 * @param hasEnded Whether the container has: it is probed no more.
 * @returns how many failed before; the threshold itself when the kubelet would act, or the container has ended.
 */
export async function failuresBeforeSuccess(
  probe: Probe,
  target: ProbeTarget,
  hasEnded: () => boolean,
): Promise<number> {
  await setTimeout(probe.initialDelaySeconds * 1000);
  for (let failures = 0; failures < probe.failureThreshold && !hasEnded(); failures += 1) {
    if (await succeeds(probe, target)) return failures;
    await setTimeout(probe.periodSeconds * 1000);
  }
  return probe.failureThreshold;
}

async function succeeds({ action, timeoutSeconds }: Probe, target: ProbeTarget): Promise<boolean> {
  if (action.kind === "exec") return target.exec(action.command, timeoutSeconds) === 0;
  if (action.kind === "grpc") return isServing(`${target.address}:${action.port}`, action.service, timeoutSeconds);
  return isGood(`http://${target.address}:${action.port}${action.path}`, timeoutSeconds);
}

/** The kubelet takes every code from 200 to 399 for success, and follows no redirect to another host. */
async function isGood(url: string, timeoutSeconds: number): Promise<boolean> {
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  const response = await fetch(url, { signal, redirect: "manual" }).catch(() => undefined);
  await response?.body?.cancel();
  return response !== undefined && response.status >= 200 && response.status < 400;
}

async function isServing(at: string, service: string, timeoutSeconds: number): Promise<boolean> {
  const client = new Client(at, credentials.createInsecure(), directly);
  const request = Buffer.from(encode(HealthCheckRequestSchema, { service }));
  const deadline = Date.now() + timeoutSeconds * 1000;
  const pass = (bytes: Buffer): Buffer => bytes;
  const answer = await new Promise<Buffer | undefined>((resolve) => {
    client.makeUnaryRequest("/grpc.health.v1.Health/Check", pass, pass, request, { deadline }, (_, bytes) =>
      resolve(bytes),
    );
  });
  client.close();
  if (answer === undefined) return false;
  return fromBinary(HealthCheckResponseSchema, answer).status === HealthCheckResponse_ServingStatus.SERVING;
}
