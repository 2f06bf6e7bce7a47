import { setImmediate } from "node:timers/promises";

/** The value once it has stayed the same for many turns of the event loop, each of which carries what the sockets have. */
export async function settled<T>(read: () => T): Promise<T> {
  let value = read();
  for (let same = 0; same < 500; same++) {
    await setImmediate();
    if (read() !== value) same = 0;
    value = read();
  }
  return value;
}

/** Waits, turn by turn of the event loop, until `holds`. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await setImmediate();
}
