/** A device without a GPU: its memory is the CPU's, which only its own copies and kernels may touch. */
import type { Device } from "../../src/ort/device.js";
import type { Session } from "../../src/ort/index.js";

/** The session as one that computes on such a device. The session itself is disposed by its owner. */
export function onFakeDevice(session: Session): Session {
  const device: Device = { ...session.cpu, kind: "cuda", isHost: false };
  return Object.create(session, { device: { value: device } }) as Session;
}
