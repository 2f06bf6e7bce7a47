/** A call of one of the APIs, as those who count and trace calls see it. The same object stands for it to the end. */
export interface ApiCall {
  readonly protocol: "grpc" | "http";
  /** `caikit.runtime.Nlp.NlpService`; over HTTP, the service whose method the route stands for, empty for none. */
  readonly service: string;
  /** Empty where the service is. */
  readonly method: string;
  readonly type: "UNARY" | "SERVER_STREAMING" | "BIDI_STREAMING";
  /** The request message's short name: `TextGenerationTaskRequest`. Empty where the service is. */
  readonly requestName: string;
  /** What the client calls the model; undefined = it does not say. Over HTTP it is known when the call ends. */
  readonly modelId: string | undefined;
  /** W3C trace context, as the client sent it. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  /** Over HTTP only. */
  readonly http?: HttpFacts | undefined;
}

export interface HttpFacts {
  /** `POST` */
  readonly method: string;
  /** The route's pattern, `/v1/models/*`; undefined = no route has that path. */
  readonly route: string | undefined;
  /** The path as the client sent it, without its query. */
  readonly path: string;
  readonly scheme: "http" | "https";
}

export interface ApiCallEnd {
  /** As gRPC names it: `OK`, `INVALID_ARGUMENT`, ... */
  readonly code: string;
  /** Over HTTP: 499 when the client went away; undefined over gRPC. */
  readonly httpStatus?: number | undefined;
  /** Over HTTP, requests and answers. */
  readonly receivedMessages: number;
  readonly sentMessages: number;
  /** From the request's arrival until its client has been sent everything. */
  readonly durationMs: number;
}

/** Is told of calls. Must be quick and must not throw. */
export interface ApiObserver {
  readonly callStarted: (call: ApiCall) => void;
  /** Once for each call that started, whatever ended it. */
  readonly callEnded: (call: ApiCall, end: ApiCallEnd) => void;
}

/** One observer that tells all of them, in this order. */
export function observeAllCalls(...observers: readonly ApiObserver[]): ApiObserver {
  return {
    callStarted: (call) => {
      for (const observer of observers) observer.callStarted(call);
    },
    callEnded: (call, end) => {
      for (const observer of observers) observer.callEnded(call, end);
    },
  };
}

const calls = new WeakMap<object, ApiCall>();

/** Said by the transport: `carrier` is what it knows the call by (gRPC's metadata, HTTP's raw request). */
export function setApiCall(carrier: object, call: ApiCall): void {
  calls.set(carrier, call);
}

/** The call that observers were told of; undefined when nobody observes. */
export function apiCallOf(carrier: object): ApiCall | undefined {
  return calls.get(carrier);
}
