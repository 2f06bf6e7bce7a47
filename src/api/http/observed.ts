/** Tells an observer of HTTP requests, as `grpc/call-watch.ts` tells it of gRPC calls. */
import { performance } from "node:perf_hooks";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { apiCallOf, setApiCall, type ApiCall, type ApiCallEnd, type ApiObserver, type HttpFacts } from "../observer.js";

/** What a route stands for among the gRPC methods. */
type RpcFacts = Pick<ApiCall, "service" | "method" | "type" | "requestName">;

const noRpc: RpcFacts = { service: "", method: "", type: "UNARY", requestName: "" };

/** The original answers these routes as calls of its gRPC service, and counts them under the messages' names. */
const caikitTasks: ReadonlyMap<string, RpcFacts> = new Map([
  ["POST /api/v1/task/text-generation", nlp("TextGenerationTask", "UNARY")],
  ["POST /api/v1/task/server-streaming-text-generation", nlp("ServerStreamingTextGenerationTask", "SERVER_STREAMING")],
  ["POST /api/v1/task/tokenization", nlp("TokenizationTask", "UNARY")],
]);

function nlp(task: string, type: RpcFacts["type"]): RpcFacts {
  return { service: "caikit.runtime.Nlp.NlpService", method: `${task}Predict`, type, requestName: `${task}Request` };
}

class HttpCall implements ApiCall {
  readonly protocol = "http";
  readonly service: string;
  readonly method: string;
  readonly type: ApiCall["type"];
  readonly requestName: string;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly http: HttpFacts;
  /** It stands in the body, which the route's handler reads. */
  modelId: string | undefined;

  constructor({ method, url, routeOptions, headers, protocol }: FastifyRequest) {
    const route = routeOptions.url;
    const rpc = caikitTasks.get(`${method} ${route ?? ""}`) ?? noRpc;
    this.service = rpc.service;
    this.method = rpc.method;
    this.type = rpc.type;
    this.requestName = rpc.requestName;
    this.traceparent = textOf(headers["traceparent"]);
    this.tracestate = textOf(headers["tracestate"]);
    this.http = { method, route, path: url.split("?", 1)[0] ?? "", scheme: protocol };
  }
}

/**
 * Tells `observer` of every request that has a path, those included that no route or no later hook lets through. So
 * call it before any other hook is added, and before the routes are.
 */
export function observeRequests(app: FastifyInstance, observer: ApiObserver): void {
  app.addHook("onRequest", (request, reply, done) => {
    const beganMs = performance.now();
    const call = new HttpCall(request);
    setApiCall(request.raw, call);
    observer.callStarted(call);
    reply.raw.once("close", () => observer.callEnded(call, endOf(reply, performance.now() - beganMs)));
    done();
  });
}

/** What the request's body calls the model, for the observers of its call. */
export function sayModelId(request: FastifyRequest, modelId: string | undefined): void {
  const call = apiCallOf(request.raw);
  if (call instanceof HttpCall) call.modelId = modelId;
}

/** A stream that ends with an error event has begun as a success, and counts as one: so the original does it. */
function endOf({ raw }: FastifyReply, durationMs: number): ApiCallEnd {
  const httpStatus = raw.writableFinished ? raw.statusCode : clientGone;
  return {
    code: codeOf(httpStatus),
    httpStatus,
    receivedMessages: 1,
    sentMessages: raw.headersSent ? 1 : 0,
    durationMs,
  };
}

const clientGone = 499;

/** As google.rpc pairs them (googleapis, google/rpc/code.proto); 422 is FastAPI's word for 400. */
const codes: Readonly<Record<number, string>> = {
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  409: "ABORTED",
  429: "RESOURCE_EXHAUSTED",
  [clientGone]: "CANCELLED",
  500: "INTERNAL",
  501: "UNIMPLEMENTED",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

function codeOf(httpStatus: number): string {
  if (httpStatus < 400) return "OK";
  return codes[httpStatus] ?? (httpStatus < 500 ? "INVALID_ARGUMENT" : "UNKNOWN");
}

const textOf = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === "string" ? value : undefined;
