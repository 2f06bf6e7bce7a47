import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StatusError } from "../../../src/api/errors.js";
import {
  NlpService,
  ServerStreamingTextGenerationTaskRequestSchema,
  TextGenerationTaskRequestSchema,
} from "../../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import { ServerReflectionRequestSchema } from "../../../src/api/grpc/generated/grpc/reflection/v1/reflection_pb.js";
import { startGrpcServer, type GrpcServer } from "../../../src/api/grpc/server.js";
import { implement } from "../../../src/api/grpc/service.js";
import { apiCallOf, type ApiCall, type ApiObserver } from "../../../src/api/observer.js";
import { encode, modelId, RawClient } from "../../support/grpc.js";
import { until } from "../../support/settled.js";

const nlp = "/caikit.runtime.Nlp.NlpService";
const unary = encode(TextGenerationTaskRequestSchema, { text: "p" });
const stream = encode(ServerStreamingTextGenerationTaskRequestSchema, { text: "p" });

/** Answers once, or three times in a stream; refuses calls without a model id. */
const service = implement(
  NlpService,
  {
    textGenerationTaskPredict: (_request, { metadata }) => {
      found.push(apiCallOf(metadata));
      return {};
    },
    serverStreamingTextGenerationTaskPredict: async function* () {
      yield* await Promise.resolve([{}, {}, {}]);
    },
    tokenizationTaskPredict: () => ({}),
  },
  {
    guard: (metadata) => {
      if (metadata.get("mm-model-id").length === 0) throw new StatusError(status.INVALID_ARGUMENT, "no model id");
    },
  },
);

/** The calls that were told, and those that handlers found for their metadata. */
let told: ApiCall[];
let found: unknown[];
/** `+type requestName of service.method, modelId` when a call starts; `-method code received/sent` when it ends. */
let heard: string[];
let server: GrpcServer;
let client: RawClient;

const observer: ApiObserver = {
  callStarted: (call) => {
    const { type, requestName, service: name, method, modelId: id } = call;
    told.push(call);
    heard.push(`+${type} ${requestName} of ${name}.${method}, ${id}`);
  },
  callEnded: ({ method }, { code, receivedMessages, sentMessages, durationMs }) =>
    heard.push(`-${method} ${code} ${receivedMessages}/${sentMessages}${durationMs > 0 ? "" : " in no time"}`),
};

beforeEach(async () => {
  [heard, told, found] = [[], [], []];
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  server = await startGrpcServer({ host: "127.0.0.1", port: 0, services: [service], log, observer });
  client = new RawClient(server.port);
});
afterEach(() => {
  client.close();
  server.forceStop();
});

test.each([
  {
    what: "a unary call",
    call: async () => client.call(`${nlp}/TextGenerationTaskPredict`, unary),
    told: [
      "+UNARY TextGenerationTaskRequest of caikit.runtime.Nlp.NlpService.TextGenerationTaskPredict, micro-gpt2",
      "-TextGenerationTaskPredict OK 1/1",
    ],
  },
  {
    what: "a streamed answer, with its messages",
    call: async () =>
      client.call(`${nlp}/ServerStreamingTextGenerationTaskPredict`, stream, [...modelId, ["mm-model-id", "b"]]),
    told: [
      "+SERVER_STREAMING ServerStreamingTextGenerationTaskRequest of " +
        "caikit.runtime.Nlp.NlpService.ServerStreamingTextGenerationTaskPredict, b",
      "-ServerStreamingTextGenerationTaskPredict OK 1/3",
    ],
  },
  {
    what: "a call that is refused before its message is read",
    call: async () => client.call(`${nlp}/TextGenerationTaskPredict`, unary, []),
    told: [
      "+UNARY TextGenerationTaskRequest of caikit.runtime.Nlp.NlpService.TextGenerationTaskPredict, undefined",
      "-TextGenerationTaskPredict INVALID_ARGUMENT 0/0",
    ],
  },
  {
    what: "a call that streams both ways",
    call: async () => {
      const list = encode(ServerReflectionRequestSchema, { messageRequest: { case: "listServices", value: "*" } });
      return client.callMany("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", [list, list]);
    },
    told: [
      "+BIDI_STREAMING ServerReflectionRequest of " +
        "grpc.reflection.v1.ServerReflection.ServerReflectionInfo, undefined",
      "-ServerReflectionInfo OK 2/2",
    ],
  },
])("an observer hears of $what when it starts and when it ends", async ({ call, told: expected }) => {
  await call();
  await until(() => heard.length === expected.length);
  expect(heard).toEqual(expected);
});

test("an observer hears the end of a call that its client cancels", async () => {
  const call = client.start("/grpc.health.v1.Health/Watch");
  call.on("error", () => undefined);
  await until(() => heard.length === 1);
  call.cancel();
  await until(() => heard.length === 2);
  expect(heard[1]).toMatch(/^-Watch CANCELLED /);
});

test("an observer is told the client's trace context, whose state may come in parts", async () => {
  const context = [
    ["traceparent", "00-a-b-01"],
    ["tracestate", "v=1"],
    ["tracestate", "w=2"],
  ] as const;
  await client.call(`${nlp}/TextGenerationTaskPredict`, unary, [...modelId, ...context]);
  await client.call(`${nlp}/TextGenerationTaskPredict`, unary);
  expect(told.map(({ traceparent, tracestate }) => [traceparent, tracestate?.replace(", ", ",")])).toEqual([
    ["00-a-b-01", "v=1,w=2"],
    [undefined, undefined],
  ]);
});

test("a handler finds the call that the observer was told of", async () => {
  await client.call(`${nlp}/TextGenerationTaskPredict`, unary);
  expect(found.map((call) => call === told[0])).toEqual([true]);
});
