import {
  create,
  toBinary,
  type DescMessage,
  type DescMethod,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { Metadata } from "@grpc/grpc-js";
import { InternalError } from "../../errors.js";
import { decode } from "./decode.js";

/** What a handler knows of its call. */
export interface CallContext {
  readonly metadata: Metadata;
  /** Aborted when the client cancels or disconnects, when its deadline passes, and when the server stops. */
  readonly signal: AbortSignal;
}

export type UnaryHandler<Request, Response> = (request: Request, context: CallContext) => Response | Promise<Response>;
export type ServerStreamingHandler<Request, Response> = (
  request: Request,
  context: CallContext,
) => AsyncIterable<Response>;
export type BidiStreamingHandler<Request, Response> = (
  requests: AsyncIterable<Request>,
  context: CallContext,
) => AsyncIterable<Response>;

type HandlerOf<M> = M extends {
  methodKind: infer Kind;
  input: infer I extends DescMessage;
  output: infer O extends DescMessage;
}
  ? Kind extends "unary"
    ? UnaryHandler<MessageShape<I>, MessageInitShape<O>>
    : Kind extends "server_streaming"
      ? ServerStreamingHandler<MessageShape<I>, MessageInitShape<O>>
      : Kind extends "bidi_streaming"
        ? BidiStreamingHandler<MessageShape<I>, MessageInitShape<O>>
        : never
  : never;

/** One handler for each rpc of a service, with the exact types of its messages. */
export type Handlers<Service extends { method: object }> = {
  readonly [Name in keyof Service["method"]]: HandlerOf<Service["method"][Name]>;
};

export interface ServiceOptions {
  /** Runs before the request is decoded; what it throws is the answer. */
  readonly guard?: (metadata: Metadata) => void;
  /** Health knows it by its name. */
  readonly isNamedInHealth?: boolean;
  /** Answers even while the server drains, and does not hold the drain up: health and reflection. */
  readonly servesWhileDraining?: boolean;
}

/** Sends one response. A promise means that the client is behind: await it before sending more. */
export type Send = (response: Uint8Array) => Promise<unknown> | undefined;

/** A method as the transport sees it: bytes in, bytes out. */
export type Method = { readonly path: string } & (
  | { readonly requests: "one"; run(request: Uint8Array, context: CallContext, send: Send): Promise<void> }
  | {
      readonly requests: "many";
      run(requests: AsyncIterable<Uint8Array>, context: CallContext, send: Send): Promise<void>;
    }
);

/** A service with its handlers, its messages' types erased: what a server is made of. */
export interface Service extends ServiceOptions {
  readonly descriptor: DescService;
  readonly methods: readonly Method[];
}

/** Binds one handler to each rpc of a service; a missing one does not compile. */
export function implement<S extends DescService>(
  descriptor: S,
  handlers: Handlers<S>,
  options: ServiceOptions = {},
): Service {
  // `Handlers` pairs each handler with its method's messages, and so does this lookup: the one place where types go.
  const untyped = handlers as Readonly<Record<string, (request: unknown, context: CallContext) => unknown>>;
  const methods = descriptor.methods.map((method) => {
    const handler = untyped[method.localName];
    if (handler === undefined) throw new InternalError(`${method.parent.typeName}.${method.name} has no handler`);
    return toMethod(method, handler);
  });
  return { descriptor, methods, ...options };
}

function toMethod(method: DescMethod, handler: (request: unknown, context: CallContext) => unknown): Method {
  const path = `/${method.parent.typeName}/${method.name}`;
  const encode = (response: unknown): Uint8Array =>
    toBinary(method.output, create(method.output, response as MessageInitShape<DescMessage>));
  const stream = async (responses: unknown, context: CallContext, send: Send): Promise<void> => {
    for await (const response of responses as AsyncIterable<unknown>) {
      context.signal.throwIfAborted();
      const drained = send(encode(response));
      if (drained !== undefined) await drained;
    }
  };
  switch (method.methodKind) {
    case "unary":
      return {
        path,
        requests: "one",
        run: async (request, context, send) => {
          const response = await handler(decode(method.input, request), context);
          context.signal.throwIfAborted();
          await send(encode(response));
        },
      };
    case "server_streaming":
      return {
        path,
        requests: "one",
        run: async (request, context, send) => stream(handler(decode(method.input, request), context), context, send),
      };
    case "bidi_streaming":
      return {
        path,
        requests: "many",
        run: async (requests, context, send) =>
          stream(handler(decodeAll(method.input, requests), context), context, send),
      };
    case "client_streaming":
      throw new InternalError(`${path}: client streaming is not supported`);
  }
}

async function* decodeAll(schema: DescMessage, requests: AsyncIterable<Uint8Array>): AsyncIterable<unknown> {
  for await (const request of requests) yield decode(schema, request);
}
