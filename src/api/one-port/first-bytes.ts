import type { Socket } from "node:net";

/** What a client of HTTP/2 sends first (RFC 9113, section 3.4). No request of HTTP/1.1 begins like it. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/**
 * Reads as much of a connection as it takes to know whether it speaks HTTP/2, puts it back, and calls `decide`. A
 * client that is gone or errs before, or has not said enough within `timeoutMs`, is dropped; `decide` is not called.
 */
export function readProtocol(socket: Socket, timeoutMs: number, decide: (isHttp2: boolean) => void): void {
  let seen = Buffer.alloc(0);
  const drop = (): void => void socket.destroy();
  const look = (): void => {
    for (let chunk = read(socket); chunk !== null; chunk = read(socket)) seen = Buffer.concat([seen, chunk]);
    const isHttp2 = preface.equals(seen.subarray(0, preface.length));
    if (!isHttp2 && preface.subarray(0, seen.length).equals(seen)) return; // it may still become one
    leave();
    socket.unshift(seen);
    decide(isHttp2);
  };
  const leave = (): void => {
    clearTimeout(timer);
    socket.off("readable", look).off("end", drop).off("error", drop).off("close", leave);
  };
  const timer = setTimeout(drop, timeoutMs);
  socket.on("readable", look).on("end", drop).on("error", drop).on("close", leave);
}

/** A socket without an encoding gives buffers. */
function read(socket: Socket): Buffer | null {
  return socket.read() as Buffer | null;
}
