import { expect, test } from "vitest";
import type { CallEvent } from "../../../src/telemetry/call-events.js";
import { caikitObserver } from "../../../src/telemetry/metrics/caikit.js";
import { Families } from "../../../src/telemetry/metrics/families.js";
import { parseExposition } from "../../support/exposition.js";

const unary: CallEvent = {
  protocol: "grpc",
  service: "caikit.runtime.Nlp.NlpService",
  method: "TextGenerationTaskPredict",
  type: "UNARY",
  requestName: "TextGenerationTaskRequest",
  modelId: "m",
};
const ended = { code: "OK", receivedMessages: 1, sentMessages: 1, durationMs: 500 };

function harness() {
  const families = new Families({ maxSequenceLength: 64, maxNewTokens: 64, slots: 1 });
  const shown = async (): Promise<string[]> =>
    [...parseExposition(await families.exposition()).values()].flatMap(({ samples }) =>
      samples.map(({ name, labels, value }) => [name, ...labels.values(), value].join(" ")),
    );
  return { observer: caikitObserver(families), shown };
}

test("a call of the NLP service is counted as a prediction and as a gRPC call", async () => {
  const { observer, shown } = harness();
  observer.callStarted(unary);
  expect(await shown()).toContain("rpc_in_progress_gauge Predict 1");
  observer.callEnded(unary, { ...ended, code: "INVALID_ARGUMENT", sentMessages: 0 });
  const call = "TextGenerationTaskPredict caikit.runtime.Nlp.NlpService UNARY";
  expect(await shown()).toEqual([
    "rpc_in_progress_gauge Predict 0",
    `grpc_server_started_total ${call} 1`,
    `grpc_server_msg_received_total ${call} 1`,
    `grpc_server_msg_sent_total ${call} 0`,
    `grpc_server_handled_total ${call} INVALID_ARGUMENT 1`,
    "predict_rpc_count_total INVALID_ARGUMENT TextGenerationTaskRequest m 1",
    "predict_caikit_library_duration_seconds_sum TextGenerationTaskRequest m 0.5",
    "predict_caikit_library_duration_seconds_count TextGenerationTaskRequest m 1",
  ]);
});

test("a call over REST is a prediction and no gRPC call; without a model id it is None's", async () => {
  const { observer, shown } = harness();
  const rest = { ...unary, protocol: "http", modelId: undefined } as const;
  observer.callStarted(rest);
  observer.callEnded(rest, ended);
  expect(await shown()).toEqual([
    "rpc_in_progress_gauge Predict 0",
    "predict_rpc_count_total OK TextGenerationTaskRequest None 1",
    "predict_caikit_library_duration_seconds_sum TextGenerationTaskRequest None 0.5",
    "predict_caikit_library_duration_seconds_count TextGenerationTaskRequest None 1",
  ]);
});

test("a call of another service is no prediction, and goes by its own name", async () => {
  const { observer, shown } = harness();
  const info = { ...unary, service: "caikit.runtime.info.InfoService", method: "GetModelsInfo" };
  observer.callStarted(info);
  observer.callEnded(info, ended);
  expect((await shown()).filter((line) => !line.startsWith("grpc_"))).toEqual([
    "rpc_in_progress_gauge GetModelsInfo 0",
  ]);
});

test("a route that stands for no gRPC method is none of Caikit's calls", async () => {
  const { observer, shown } = harness();
  const rest = { ...unary, protocol: "http", service: "", method: "", requestName: "" } as const;
  observer.callStarted(rest);
  observer.callEnded(rest, ended);
  expect(await shown()).toEqual([]);
});

test("model ids without end do not make series without end", async () => {
  const { observer, shown } = harness();
  for (let id = 0; id < 150; id++) {
    const call = { ...unary, modelId: `m${id}` };
    observer.callStarted(call);
    observer.callEnded(call, ended);
  }
  const predictions = (await shown()).filter((line) => line.startsWith("predict_rpc_count_total"));
  expect(predictions.length).toBe(101);
  expect(predictions.at(-1)).toBe("predict_rpc_count_total OK TextGenerationTaskRequest other 50");
});
