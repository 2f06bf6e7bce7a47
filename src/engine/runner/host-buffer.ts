import { Tensor, type Session } from "../../ort/index.js";

/** Numbers that JavaScript writes or reads and ONNX Runtime sees through tensors of several shapes. */
export interface HostBuffer<A> extends Disposable {
  readonly values: A;
  /** A tensor over the first elements. The caller disposes it. */
  view(shape: readonly number[]): Tensor;
}

export function int32Buffer(session: Session, length: number): HostBuffer<Int32Array> {
  const memory = new ArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT);
  return hostBuffer(Tensor.over(session.api, session.cpu, "int32", [length], memory), new Int32Array(memory));
}

export function float32Buffer(session: Session, length: number): HostBuffer<Float32Array> {
  const memory = new ArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT);
  return hostBuffer(Tensor.over(session.api, session.cpu, "float32", [length], memory), new Float32Array(memory));
}

function hostBuffer<A>(whole: Tensor, values: A): HostBuffer<A> {
  return { values, view: (shape) => whole.view(shape), [Symbol.dispose]: () => whole.dispose() };
}
