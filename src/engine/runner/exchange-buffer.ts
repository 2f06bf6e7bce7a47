import { elementTypes, Tensor, type ElementType, type Session } from "../../ort/index.js";

/** Memory that JavaScript reads and writes: its own, or pinned where a device is to copy from and to it. */
export interface HostMemory {
  readonly tensor: Tensor;
  /** The tensor's. JavaScript's own memory stays readable after the tensor is disposed. */
  readonly bytes: Uint8Array;
}

export function hostMemoryOf(session: Session, type: ElementType, length: number): HostMemory {
  if (session.host !== session.cpu) {
    const tensor = Tensor.allocate(session.api, session.host, type, [length]);
    return { tensor, bytes: tensor.bytes() };
  }
  const memory = new ArrayBuffer(length * elementTypes[type].bytes);
  return { tensor: Tensor.over(session.api, session.cpu, type, [length], memory), bytes: new Uint8Array(memory) };
}

/**
 * Numbers that JavaScript exchanges with a session: one memory where the session computes on the host, and otherwise two,
 * one here and one on the device, with a copy between them where `upload` or `download` says so.
 */
export class ExchangeBuffer<A> implements Disposable {
  readonly #host: Tensor;
  /** Where the session computes. */
  readonly #device: Tensor;
  readonly values: A;

  constructor(session: Session, type: ElementType, length: number, valuesOver: (bytes: Uint8Array) => A) {
    const { tensor, bytes } = hostMemoryOf(session, type, length);
    this.#host = tensor;
    this.#device = session.device.isHost ? tensor : Tensor.allocate(session.api, session.device, type, [length]);
    this.values = valuesOver(bytes);
  }

  /** A tensor over elements from `start` on, for a binding. The caller disposes it. */
  view(shape: readonly number[], start = 0): Tensor {
    return this.#device.view(shape, start * elementTypes[this.#device.type].bytes);
  }

  /** Lets the next run see what JavaScript wrote. */
  upload(): void {
    if (this.#device !== this.#host) this.#device.copyFrom(this.#host);
  }

  /** Lets JavaScript see what the last run wrote. */
  download(): void {
    if (this.#device !== this.#host) this.#host.copyFrom(this.#device);
  }

  [Symbol.dispose](): void {
    this.#host.dispose();
    this.#device.dispose();
  }
}

export const int32Values = ({ buffer, byteOffset, byteLength }: Uint8Array): Int32Array =>
  new Int32Array(buffer, byteOffset, byteLength / Int32Array.BYTES_PER_ELEMENT);

export const float32Values = ({ buffer, byteOffset, byteLength }: Uint8Array): Float32Array =>
  new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT);
