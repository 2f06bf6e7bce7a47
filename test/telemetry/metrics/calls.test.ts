import { expect, test } from "vitest";
import type { CallEndEvent, CallEvent } from "../../../src/telemetry/call-events.js";
import { createMetrics } from "../../../src/telemetry/metrics/create-metrics.js";
import { parseExposition } from "../../support/exposition.js";

const ended: CallEndEvent = { code: "OK", httpStatus: 200, receivedMessages: 1, sentMessages: 1, durationMs: 500 };
const http = { method: "POST", route: "/v1/completions", path: "/v1/completions", scheme: "http" } as const;
const call: CallEvent = {
  protocol: "http",
  service: "",
  method: "",
  type: "UNARY",
  requestName: "",
  modelId: undefined,
  http,
};

function harness() {
  const metrics = createMetrics({
    limits: { maxSequenceLength: 64, maxNewTokens: 64, slots: 1 },
    version: "1",
    model: { id: "m", weightBytes: 1, loadMs: 1, dtype: "float32", kvDtype: "float32", digest: () => undefined },
    engineState: () => ({ waiting: 0, prefilling: 0, running: 0, cachedTokens: 0 }),
  });
  const { callStarted, callEnded } = metrics.apiObserver;
  const run = (each: CallEvent, end: CallEndEvent): void => {
    callStarted(each);
    callEnded(each, end);
  };
  /** The labels and the value of each series of a counter. */
  const shown = async (name: string): Promise<string[]> =>
    (parseExposition(await metrics.exposition()).get(name)?.samples ?? []).map(({ labels, value }) =>
      [...labels.values(), value].join(" "),
    );
  return { metrics, run, shown };
}

test("HTTP requests are counted by route and status, whatever their paths", async () => {
  const { run, shown } = harness();
  run(call, ended);
  run(call, { ...ended, code: "CANCELLED", httpStatus: 499 });
  for (const id of ["a", "b"]) {
    run({ ...call, http: { ...http, method: "GET", route: "/v1/models/*", path: `/v1/models/${id}` } }, ended);
    const nowhere = { ...http, method: "GET", route: undefined, path: `/${id}` };
    run({ ...call, http: nowhere }, { ...ended, code: "NOT_FOUND", httpStatus: 404 });
  }
  expect(await shown("ortler_http_requests_total")).toEqual([
    "POST /v1/completions 200 1",
    "POST /v1/completions 499 1",
    "GET /v1/models/* 200 2",
    "GET none 404 2",
  ]);
});

test("a gRPC call is no HTTP request", async () => {
  const { run, shown } = harness();
  const grpc = { ...call, protocol: "grpc", service: "s", method: "m", requestName: "r", http: undefined } as const;
  run(grpc, { ...ended, httpStatus: undefined });
  expect(await shown("ortler_http_requests_total")).toEqual([]);
  expect(await shown("grpc_server_handled_total")).toEqual(["m s UNARY OK 1"]);
});

test("a call that TGIS's API refuses counts once, with all of its prompts", async () => {
  const { metrics, shown } = harness();
  metrics.countRefusal({ kind: "batch", prompts: 3 });
  const names = ["tgi_request_count", "tgi_request_input_count", "tgi_request_failure"];
  expect(await Promise.all(names.map(shown))).toEqual([["batch 1"], ["3"], ["validation 1"]]);
});
