import { InternalError } from "../errors.js";
import type { OrtApi, Pointer } from "./api.js";
import type { Blocks, Device } from "./device.js";
import { koffi } from "./ffi.js";

/** Element types in use: ONNX's number and the bytes of one element. */
export const elementTypes = {
  float32: { onnx: 1, bytes: 4 },
  uint8: { onnx: 2, bytes: 1 },
  int8: { onnx: 3, bytes: 1 },
  int32: { onnx: 6, bytes: 4 },
  int64: { onnx: 7, bytes: 8 },
  float16: { onnx: 10, bytes: 2 },
  bfloat16: { onnx: 16, bytes: 2 },
} as const;
export type ElementType = keyof typeof elementTypes;

export function byteLengthOf(type: ElementType, shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, elementTypes[type].bytes);
}

/** Tensors that exist now; a test holds it flat. */
let live = 0;
export const liveTensors = (): number => live;

/**
 * An `OrtValue`: a typed, shaped window on memory of one device. It owns its memory (`allocate`), or lies
 * over memory that it keeps alive: a JavaScript buffer (`over`) or another tensor (`view`).
 */
export class Tensor implements Disposable {
  #disposed = false;

  private constructor(
    private readonly api: OrtApi,
    readonly device: Device,
    readonly type: ElementType,
    readonly shape: readonly number[],
    private readonly handle: Pointer,
    private readonly address: Pointer,
    /** Held so that the memory is not collected while ONNX Runtime knows its address. */
    readonly keeps: ArrayBuffer | Tensor | undefined,
  ) {
    live += 1;
  }

  /** A tensor with memory of its own on `device`. Not zeroed; on a CPU pages are committed when first written. */
  static allocate(api: OrtApi, device: Device, type: ElementType, shape: readonly number[]): Tensor {
    const handle = api.createTensor(device.allocator, dimensions(shape), shape.length, elementTypes[type].onnx);
    return new Tensor(api, device, type, shape, handle, api.getTensorMutableData(handle), undefined);
  }

  /**
   * A tensor over a JavaScript buffer, whole, in host memory.
   *
   * Takes an `ArrayBuffer` and not a typed array: V8 moves the memory of small typed arrays about.
   */
  static over(api: OrtApi, device: Device, type: ElementType, shape: readonly number[], buffer: ArrayBuffer): Tensor {
    if (!device.isHost) throw new InternalError(`JavaScript's memory is not on ${device.kind}`);
    return Tensor.#at(api, device, type, shape, addressOf(buffer), buffer.byteLength, buffer);
  }

  static #at(
    api: OrtApi,
    device: Device,
    type: ElementType,
    shape: readonly number[],
    address: Pointer,
    availableBytes: number,
    keeps: ArrayBuffer | Tensor,
  ): Tensor {
    const bytes = byteLengthOf(type, shape);
    if (bytes > availableBytes) {
      throw new InternalError(
        `a ${type} tensor [${shape.join(", ")}] needs ${bytes} bytes, there are ${availableBytes}`,
      );
    }
    const info = device.memoryInfo;
    const onnx = elementTypes[type].onnx;
    const handle = api.createTensorWithData(info, address, bytes, dimensions(shape), shape.length, onnx);
    return new Tensor(api, device, type, shape, handle, address, keeps);
  }

  get byteLength(): number {
    return byteLengthOf(this.type, this.shape);
  }

  /** A tensor over part of this one's memory, `byteOffset` bytes from its start. */
  view(shape: readonly number[], byteOffset = 0): Tensor {
    const available = this.byteLength - byteOffset;
    return Tensor.#at(this.api, this.device, this.type, shape, this.address + BigInt(byteOffset), available, this);
  }

  /**
   * The memory as bytes, without a copy. Valid until the tensor is disposed. Not for the hot path: V8 counts the view
   * as memory of its own and collects garbage for it.
   * @throws {InternalError} when the memory is a device's, which JavaScript cannot read.
   */
  bytes(): Uint8Array {
    if (!this.device.isHost) throw new InternalError(`JavaScript cannot read the memory of ${this.device.kind}`);
    return new Uint8Array(koffi.view(this.address, this.byteLength));
  }

  /**
   * Copies blocks of bytes that lie equally far apart, the first from `start` to `target`, which do not overlap. On a
   * device they may be under way until `device.memory.settle()`.
   */
  copyBlocksWithin(target: number, start: number, blocks: Blocks): void {
    const { count, bytes, stride } = blocks;
    this.#checkRange(target, start, count === 0 ? 0 : (count - 1) * stride + bytes);
    this.device.memory.copyBlocks(this.address + BigInt(target), this.address + BigInt(start), blocks);
  }

  /** Fills this tensor with bytes of another, from its byte `start` on: one of them is in host memory, or both are on this device. */
  copyFrom(source: Tensor, start = 0): void {
    source.#checkRange(0, start, this.byteLength);
    const { memory } = this.device.isHost ? source.device : this.device;
    memory.copy(this.address, source.address + BigInt(start), this.byteLength);
  }

  #checkRange(target: number, start: number, length: number): void {
    const isWithin = (from: number): boolean => from >= 0 && from + length <= this.byteLength;
    if (length >= 0 && isWithin(start) && isWithin(target)) return;
    throw new InternalError(
      `cannot copy bytes [${start}, ${start + length}) to ${target} in a tensor of ${this.byteLength} bytes`,
    );
  }

  /** For bindings and sessions of this folder. */
  pointer(): Pointer {
    if (this.#disposed) throw new InternalError("a tensor was used after it was disposed");
    return this.handle;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    live -= 1;
    this.api.releaseValue(this.handle);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

const dimensions = (shape: readonly number[]): BigInt64Array => BigInt64Array.from(shape, BigInt);

function addressOf(buffer: ArrayBuffer): Pointer {
  return koffi.address(buffer);
}
