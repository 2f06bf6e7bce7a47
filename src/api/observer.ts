/** A call of one of the APIs, as those who count calls see it. */
export interface ApiCall {
  readonly protocol: "grpc" | "http";
  /** `caikit.runtime.Nlp.NlpService`; over HTTP, the service whose method the route stands for. */
  readonly service: string;
  readonly method: string;
  readonly type: "UNARY" | "SERVER_STREAMING" | "BIDI_STREAMING";
  /** The request message's short name: `TextGenerationTaskRequest`. */
  readonly requestName: string;
  /** What the client calls the model; undefined = it does not say. */
  readonly modelId: string | undefined;
}

export interface ApiCallEnd {
  /** As gRPC names it: `OK`, `INVALID_ARGUMENT`, ... */
  readonly code: string;
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
