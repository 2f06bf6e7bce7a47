/** A device without a GPU: its memory is the CPU's, which only its own copies and kernels may touch. */
import { isDeepStrictEqual } from "node:util";
import type { Device, DeviceMemory } from "../../src/ort/device.js";
import type { Binding, Session, Tensor } from "../../src/ort/index.js";
import { notCaptured } from "../../src/ort/run-options.js";

/**
 * The session as one that computes on such a device. The session itself is disposed by its owner.
 * @param memory How the device copies.
 */
export function onFakeDevice(session: Session, memory: DeviceMemory = session.cpu.memory): Session {
  const device: Device = { ...session.cpu, kind: "cuda", isHost: false, memory };
  return Object.create(session, { device: { value: device } }) as Session;
}

/** What a captured run would go by ever after. */
interface Capture {
  /** Of what is bound, by name. */
  readonly addresses: ReadonlyMap<string, bigint>;
  /** Bytes of the inputs that were read on the host. */
  readonly hostInputs: readonly (readonly [tensor: Tensor, bytes: Uint8Array])[];
}

/** Such a device that captures runs, during which it is not to be asked for copies, and can be made to do it wrongly. */
export class CapturingDevice {
  /** Every run's graph id, in order; -1 = a plain one. */
  readonly runs: number[] = [];
  readonly #captures = new Map<number, Capture>();
  #replays = 0;
  #isCapturing = false;

  /** @param hooks `capturing` is called before a run is recorded, `replayed` after each replay, with their number. */
  constructor(
    private readonly hooks: {
      readonly capturing?: () => void;
      readonly replayed?: (binding: Binding, replays: number) => void;
    } = {},
  ) {}

  place(session: Session): Session {
    const onDevice = onFakeDevice(session, this.#guarded(session.cpu.memory));
    const run: Session["run"] = (binding, graphId) => this.#run(onDevice, session, binding, graphId);
    const graphCapture = { isOn: true, reason: "imitated" };
    return Object.create(onDevice, { run: { value: run }, graphCapture: { value: graphCapture } }) as Session;
  }

  async #run(device: Session, owner: Session, binding: Binding, graphId: number): Promise<undefined> {
    this.runs.push(graphId);
    if (graphId === notCaptured) return owner.run(binding, notCaptured);
    const known = this.#captures.get(graphId);
    if (known === undefined) {
      this.hooks.capturing?.();
      this.#captures.set(graphId, captureOf(device, binding));
      this.#isCapturing = true;
      return owner.run(binding, notCaptured).finally(() => (this.#isCapturing = false));
    }
    if (!isDeepStrictEqual(known.addresses, addressesOf(device, binding))) {
      throw new Error(`graph ${graphId} is replayed with other memory than it was captured with`);
    }
    if (known.hostInputs.some(([tensor, bytes]) => Buffer.compare(tensor.bytes(), bytes) !== 0)) {
      throw new Error(`graph ${graphId} is replayed with other numbers on the host than it was captured with`);
    }
    await owner.run(binding, notCaptured);
    this.hooks.replayed?.(binding, (this.#replays += 1));
    return undefined;
  }

  #guarded(memory: DeviceMemory): DeviceMemory {
    const allowed = (): DeviceMemory => {
      if (this.#isCapturing) throw new Error("the device was asked for a copy while it captured");
      return memory;
    };
    return {
      copy: (...args) => allowed().copy(...args),
      copyBlocks: (...args) => allowed().copyBlocks(...args),
      settle: () => allowed().settle(),
    };
  }
}

function captureOf(session: Session, binding: Binding): Capture {
  const onHost = [...binding.bound.values()].filter(({ device }) => device.isHost);
  return {
    addresses: addressesOf(session, binding),
    hostInputs: onHost.map((tensor) => [tensor, tensor.bytes().slice()]),
  };
}

function addressesOf({ api }: Session, binding: Binding): Map<string, bigint> {
  return new Map(Array.from(binding.bound, ([name, tensor]) => [name, api.getTensorMutableData(tensor.pointer())]));
}
