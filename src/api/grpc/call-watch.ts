import { performance } from "node:perf_hooks";
import { status, type Metadata } from "@grpc/grpc-js";
import { InternalError } from "../../errors.js";
import { setApiCall, type ApiCall, type ApiObserver } from "../observer.js";
import { modelIdOf } from "./caikit/model-id.js";
import { callerOf } from "./caller.js";
import type { Send, Service } from "./service.js";

/** What there is to say of a method's calls. */
export type CallFacts = Omit<ApiCall, "modelId" | "traceparent" | "tracestate" | "http">;

const types = {
  unary: "UNARY",
  server_streaming: "SERVER_STREAMING",
  client_streaming: undefined, // no service of ours has one
  bidi_streaming: "BIDI_STREAMING",
} as const;

/** @param path `/service/method` of one of the service's methods. */
export function factsOf({ descriptor }: Service, path: string): CallFacts {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const method = descriptor.methods.find((candidate) => candidate.name === name);
  const type = method && types[method.methodKind];
  if (method === undefined || type === undefined) throw new InternalError(`${path} is no method that can be served`);
  return { protocol: "grpc", service: descriptor.typeName, method: name, type, requestName: method.input.name };
}

/** Tells an observer of one call. */
export class CallWatch {
  readonly #beganMs = performance.now();
  readonly #call: ApiCall;
  #receivedMessages = 0;
  #sentMessages = 0;

  constructor(
    private readonly observer: ApiObserver,
    facts: CallFacts,
    metadata: Metadata,
  ) {
    const modelId = modelIdOf(metadata);
    this.#call = {
      ...facts,
      modelId: modelId === "" ? undefined : modelId,
      traceparent: callerOf(metadata).traceparent,
      tracestate: traceStateOf(metadata),
    };
    setApiCall(metadata, this.#call);
    observer.callStarted(this.#call);
  }

  received(): void {
    this.#receivedMessages += 1;
  }

  async *countingRequests(requests: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const request of requests) {
      this.received();
      yield request;
    }
  }

  /** Sends, and counts what is sent. */
  counting(send: Send): Send {
    return (response) => {
      this.#sentMessages += 1;
      return send(response);
    };
  }

  ended(code: status): void {
    const durationMs = performance.now() - this.#beganMs;
    const [receivedMessages, sentMessages] = [this.#receivedMessages, this.#sentMessages];
    this.observer.callEnded(this.#call, { code: status[code], receivedMessages, sentMessages, durationMs });
  }
}

/** A list that may come in parts (W3C Trace Context, 3.3.1.1). */
function traceStateOf(metadata: Metadata): string | undefined {
  const parts = metadata.get("tracestate");
  return parts.length === 0 ? undefined : parts.join(",");
}
