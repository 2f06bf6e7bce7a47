import { byteLengthOf, elementTypes, isOutOfMemory, outOfMemory, Tensor, type Session } from "../../ort/index.js";
import type { DecoderShape, KvDtype } from "../../model/index.js";

export { kvBytesPerToken } from "../../model/index.js";

/** Keys and values of one layer. */
export interface LayerCache {
  readonly key: Tensor;
  readonly value: Tensor;
}

/**
 * The KV cache: for each layer a key and a value tensor [slots, kvHeads, maxLength, headDim]. A slot is one row.
 *
 * The whole is reserved at start; on a CPU the system commits a page when it is first written, so memory
 * follows what sequences use. A prefill binds one row or some neighbours, a decode a window of rows: all are views.
 */
export class KvCache implements Disposable {
  private readonly layers: readonly LayerCache[];
  private readonly rowShape: readonly number[];

  /** @throws {ConfigurationError} when the device has too little memory. */
  constructor(
    private readonly session: Session,
    private readonly shape: DecoderShape,
    readonly slots: number,
    readonly maxLength: number,
    private readonly dtype: KvDtype = "float32",
  ) {
    this.rowShape = [shape.kvHeads, maxLength, shape.headDim];
    this.layers = allocateLayers(session, shape.layers, dtype, [slots, ...this.rowShape]);
  }

  /** Views of the rows [first, first + count), one pair for each layer. The caller disposes them. */
  rows(first: number, count: number): LayerCache[] {
    const offset = first * byteLengthOf(this.dtype, this.rowShape);
    const view = (tensor: Tensor): Tensor => tensor.view([count, ...this.rowShape], offset);
    return this.layers.map(({ key, value }) => ({ key: view(key), value: view(value) }));
  }

  /** Copies the first `tokens` positions of one slot into another. */
  copy(from: number, to: number, tokens: number): void {
    const positionBytes = this.shape.headDim * elementTypes[this.dtype].bytes;
    const headBytes = this.maxLength * positionBytes;
    const slotBytes = this.shape.kvHeads * headBytes;
    const heads = { count: this.shape.kvHeads, bytes: tokens * positionBytes, stride: headBytes };
    for (const tensor of this.layers.flatMap(({ key, value }) => [key, value])) {
      tensor.copyBlocksWithin(to * slotBytes, from * slotBytes, heads);
    }
    this.session.device.memory.settle();
  }

  [Symbol.dispose](): void {
    for (const { key, value } of this.layers) {
      key.dispose();
      value.dispose();
    }
  }
}

/** All of them, or none and an error. */
function allocateLayers(session: Session, layers: number, dtype: KvDtype, shape: readonly number[]): LayerCache[] {
  const { api, device } = session;
  const tensors: Tensor[] = [];
  const allocate = (): Tensor => {
    const tensor = Tensor.allocate(api, device, dtype, shape);
    tensors.push(tensor);
    return tensor;
  };
  try {
    return Array.from({ length: layers }, () => ({ key: allocate(), value: allocate() }));
  } catch (error) {
    for (const tensor of tensors) tensor.dispose();
    if (device.isHost || !isOutOfMemory(error)) throw error;
    const bytes = 2 * layers * byteLengthOf(dtype, shape);
    const remedy = "lower --kv-memory, --max-slots or --max-sequence-length, or raise --device-memory-share";
    throw outOfMemory(error, { purpose: "the KV cache", bytes, device: undefined, remedy });
  }
}
