/**
 * What metrics and traces read of the APIs' calls; `src/api/observer.ts` has what it means. A leaf imports nothing of
 * ours, so the shapes stand here again, and the compiler compares them where the two meet.
 */
export interface CallEvent {
  readonly protocol: "grpc" | "http";
  /** Empty for a route that stands for no gRPC method, as `method` and `requestName` are then. */
  readonly service: string;
  readonly method: string;
  readonly type: "UNARY" | "SERVER_STREAMING" | "BIDI_STREAMING";
  readonly requestName: string;
  readonly modelId: string | undefined;
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  readonly http?: HttpEventFacts | undefined;
}

export interface HttpEventFacts {
  readonly method: string;
  readonly route: string | undefined;
  readonly path: string;
  readonly scheme: "http" | "https";
}

export interface CallEndEvent {
  readonly code: string;
  readonly httpStatus?: number | undefined;
  readonly receivedMessages: number;
  readonly sentMessages: number;
  readonly durationMs: number;
}
