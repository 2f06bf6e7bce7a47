import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthCheckResponseSchema,
} from "../../../src/api/grpc/generated/grpc/health/v1/health_pb.js";
import { fromBinary } from "@bufbuild/protobuf";
import { encode, finish, nextMessage, only, startCaikit, type TestServer } from "../../support/grpc.js";
import { ScriptedEngine } from "../../support/scripted-engine.js";

const check = "/grpc.health.v1.Health/Check";
const watch = "/grpc.health.v1.Health/Watch";
const service = encode(HealthCheckRequestSchema, { service: "caikit.runtime.Nlp.NlpService" });

let server: TestServer;
beforeEach(async () => {
  server = await startCaikit(new ScriptedEngine());
});
afterEach(() => server.stop());

const statusOf = (message: Uint8Array) => fromBinary(HealthCheckResponseSchema, message).status;

test("the server as a whole is SERVING as soon as the port is open, and what it is told to be then", async () => {
  const checked = async () => only(HealthCheckResponseSchema, await server.client.call(check)).status;
  const seen = [await checked()];
  server.setServing(false);
  seen.push(await checked());
  server.setServing(true);
  seen.push(await checked());
  expect(seen).toEqual([ServingStatus.SERVING, ServingStatus.NOT_SERVING, ServingStatus.SERVING]);
});

test("any other service is NOT_FOUND, without a text", async () => {
  expect(await server.client.call(check, service)).toMatchObject({ code: status.NOT_FOUND, details: "" });
});

test("every watcher is told the state at once, and each change as it comes", async () => {
  const calls = [server.client.start(watch), server.client.start(watch)];
  const next = async () => Promise.all(calls.map(async (call) => statusOf(await nextMessage(call))));
  expect(await next()).toEqual([ServingStatus.SERVING, ServingStatus.SERVING]);
  server.setServing(true); // no change: not told
  server.setServing(false);
  expect(await next()).toEqual([ServingStatus.NOT_SERVING, ServingStatus.NOT_SERVING]);
  server.setServing(true);
  expect(await next()).toEqual([ServingStatus.SERVING, ServingStatus.SERVING]);
});

test("watching an unknown service says SERVICE_UNKNOWN and stays open until the client ends it", async () => {
  const call = server.client.start(watch, service);
  expect(statusOf(await nextMessage(call))).toBe(ServingStatus.SERVICE_UNKNOWN);
  call.cancel();
  expect((await finish(call)).code).toBe(status.CANCELLED);
});
