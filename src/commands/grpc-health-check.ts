import { fromBinary } from "@bufbuild/protobuf";
import { Client, credentials, status, type requestCallback, type ServiceError } from "@grpc/grpc-js";
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthCheckResponseSchema,
} from "../api/grpc/generated/grpc/health/v1/health_pb.js";
import { silent, type HealthAnswer } from "./health-check.js";

/** What `grpc.health.v1` says of the server as a whole; `grpcs://` is TLS with any certificate. */
export async function askOverGrpc(address: URL, timeoutMs: number): Promise<HealthAnswer> {
  try {
    const state = await check(address, timeoutMs);
    return { state: state === ServingStatus.SERVING ? "serving" : "not-serving", detail: ServingStatus[state] };
  } catch (error) {
    const { code, details } = error as ServiceError; // grpc-js calls back with no other
    if (code === status.DEADLINE_EXCEEDED) return silent(timeoutMs);
    return { state: code === status.UNAVAILABLE ? "unreachable" : "not-serving", detail: details };
  }
}

async function check(address: URL, timeoutMs: number): Promise<ServingStatus> {
  const isTls = address.protocol === "grpcs:";
  const channel = isTls
    ? credentials.createSsl(null, null, null, { rejectUnauthorized: false })
    : credentials.createInsecure();
  const client = new Client(address.host, channel);
  const options = { deadline: Date.now() + timeoutMs };
  return new Promise<ServingStatus>((resolve, reject) => {
    const done: requestCallback<ServingStatus> = (error, state = ServingStatus.UNKNOWN) =>
      error === null ? resolve(state) : reject(error);
    client.makeUnaryRequest(`/${Health.typeName}/Check`, wholeServer, readState, undefined, options, done);
  }).finally(() => client.close());
}

/** The empty message, which names no service. */
function wholeServer(): Buffer {
  return Buffer.alloc(0);
}

function readState(bytes: Buffer): ServingStatus {
  return fromBinary(HealthCheckResponseSchema, bytes).status;
}
