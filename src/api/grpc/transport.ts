/**
 * The seam to grpc-js, which carries plain bytes here: its own (de)serialisation does nothing, and every method is a
 * server stream to it (bidirectional when the client streams too), so that one path answers them all.
 */
import { once } from "node:events";
import type { Server, ServerDuplexStream, ServerWritableStream } from "@grpc/grpc-js";
import { CancelledError } from "../../errors.js";
import type { Logger } from "../log.js";
import type { ApiObserver } from "../observer.js";
import type { ActiveCalls } from "../active-calls.js";
import { CallWatch, factsOf, type CallFacts } from "./call-watch.js";
import type { CallContext, Method, Send, Service } from "./service.js";
import { statusOf, success, type CallStatus } from "./status.js";

type OneRequestCall = ServerWritableStream<Buffer, Uint8Array>;
type ManyRequestsCall = ServerDuplexStream<Buffer, Uint8Array>;
type Call = OneRequestCall | ManyRequestsCall;
type Run = (context: CallContext, send: Send, watch: CallWatch | undefined) => Promise<void>;

export interface Transport {
  readonly server: Server;
  readonly calls: ActiveCalls;
  readonly log: Logger;
  readonly observer?: ApiObserver | undefined;
}

/** Adds the methods of `service` to the server. */
export function addService(transport: Transport, service: Service): void {
  for (const method of service.methods) addMethod(transport, service, method);
}

function addMethod(transport: Transport, service: Service, method: Method): void {
  const served = { service, path: method.path, facts: factsOf(service, method.path) };
  const handle = (call: Call, run: Run): void => void answer(transport, served, call, run);
  if (method.requests === "one") {
    const handleOne = (call: OneRequestCall): void =>
      handle(call, async (context, send, watch) => {
        watch?.received();
        return method.run(call.request, context, send);
      });
    transport.server.register(method.path, handleOne, toBuffer, identity, "serverStream");
  } else {
    // Leaving the loop over the requests must not destroy the call: its status is still to be sent.
    const handleMany = (call: ManyRequestsCall): void =>
      handle(call, async (context, send, watch) => {
        const requests: AsyncIterable<Uint8Array> = call.iterator({ destroyOnReturn: false });
        return method.run(watch?.countingRequests(requests) ?? requests, context, send);
      });
    transport.server.register(method.path, handleMany, toBuffer, identity, "bidi");
  }
}

/** A method, and what its calls have in common. */
interface ServedMethod {
  readonly service: Service;
  readonly path: string;
  readonly facts: CallFacts;
}

/** Runs one call to its end. Never rejects: whatever goes wrong becomes the status. */
async function answer(transport: Transport, served: ServedMethod, call: Call, run: Run): Promise<void> {
  const { calls, log, observer } = transport;
  const { service, path, facts } = served;
  const watch = observer && new CallWatch(observer, facts, call.metadata);
  const controller = new AbortController();
  const { signal } = controller;
  // grpc-js says `cancelled` for a cancelled call, a lost connection and a passed deadline alike.
  const cancel = (): void => controller.abort(new CancelledError("the client is gone or its deadline has passed"));
  call.once("cancelled", cancel);
  let status = success;
  try {
    calls.open(controller, service.servesWhileDraining ?? false);
    service.guard?.(call.metadata);
    const send = senderOf(call, signal);
    await run({ metadata: call.metadata, signal }, watch?.counting(send) ?? send, watch);
  } catch (error) {
    status = statusOf(signal.aborted ? signal.reason : error, path, log);
  } finally {
    call.off("cancelled", cancel); // grpc-js says it of every call that ends with an error
    await end(call, status);
    watch?.ended(status.code);
    calls.close(controller);
  }
}

function senderOf(call: Call, signal: AbortSignal): Send {
  return (response) => (call.write(response) ? undefined : once(call, "drain", { signal }));
}

/**
 * Sends the status behind the responses that were written; an `error` event is how grpc-js takes a status.
 * Resolves when the client has taken the responses, or is gone.
 */
async function end(call: Call, status: CallStatus): Promise<void> {
  if (call.destroyed) return;
  const ended = new Promise<void>((resolve) => call.once("finish", resolve).once("close", resolve));
  call.emit("error", status);
  await ended;
}

function toBuffer(response: Uint8Array): Buffer {
  return Buffer.from(response.buffer, response.byteOffset, response.byteLength);
}

function identity(request: Buffer): Buffer {
  return request;
}
