/** What happens to a stream before grpc-js makes a call of it; it offers no hook but its check of the headers. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { status, type Server } from "@grpc/grpc-js";
import { lateText } from "../limits.js";
import type { SlowReaders } from "../slow-readers.js";
import { wrapPrivateMethod } from "./grpc-js-private.js";

type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** Leaves streams that are no gRPC to `answer`; grpc-js would answer them with 415. They never cost gRPC a message. */
export function answerOtherStreams(server: Server, answer: StreamListener): void {
  wrapPrivateMethod(server, "_verifyContentType", (verify) => (stream, headers) => {
    if (isGrpc(headers as IncomingHttpHeaders)) return verify(stream, headers);
    answer(stream as ServerHttp2Stream, headers as IncomingHttpHeaders);
    return false;
  });
}

/**
 * Ends calls whose client has not sent all of its request within `receiveTimeoutSeconds`: until then grpc-js waits, without telling
 * anyone. Methods that take many requests (`isEndless`) may be asked for as long as their client likes.
 */
export function endSlowSenders(
  server: Server,
  receiveTimeoutSeconds: number,
  isEndless: (path: string) => boolean,
): void {
  const details = lateText(receiveTimeoutSeconds);
  wrapPrivateMethod(server, "_verifyContentType", (verify) => (stream, headers) => {
    const isVerified = verify(stream, headers);
    const path = String((headers as IncomingHttpHeaders)[":path"]);
    if (isVerified === true && !isEndless(path))
      watch(stream as ServerHttp2Stream, receiveTimeoutSeconds * 1000, details);
    return isVerified;
  });
}

/** Has every stream watched, whatever it carries; a dropped one frees its call. */
export function dropSlowReaders(server: Server, readers: SlowReaders): void {
  wrapPrivateMethod(server, "_verifyContentType", (verify) => (given, headers) => {
    const stream = given as ServerHttp2Stream;
    readers.watch(stream, () => stream.close(constants.NGHTTP2_CANCEL));
    return verify(stream, headers);
  });
}

function watch(stream: ServerHttp2Stream, timeoutMs: number, details: string): void {
  const timer = setTimeout(() => endWith(stream, details), timeoutMs);
  const stop = (): void => clearTimeout(timer);
  stream.once("end", stop).once("close", stop);
}

function endWith(stream: ServerHttp2Stream, details: string): void {
  if (stream.destroyed || stream.headersSent) return;
  const headers = { ":status": 200, "content-type": "application/grpc+proto" };
  stream.respond(
    { ...headers, "grpc-status": status.DEADLINE_EXCEEDED, "grpc-message": encodeURI(details) },
    { endStream: true },
  );
  stream.close(); // the client need not send the rest
}

/** Also `application/grpc+proto` and the like. */
function isGrpc(headers: IncomingHttpHeaders): boolean {
  return headers["content-type"]?.startsWith("application/grpc") === true;
}
