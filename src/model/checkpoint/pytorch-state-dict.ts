/**
 * Reads the pickle inside a PyTorch checkpoint: which tensors there are, and which part of which storage each one is.
 * Source: https://github.com/pytorch/pytorch/blob/main/torch/_utils.py (`_rebuild_tensor_v2`, `_rebuild_parameter`)
 * and torch/serialization.py (`persistent_id`).
 */
import { CheckpointError } from "../../errors.js";
import { inContext, quote } from "./messages.js";
import { describe, PickleDict, PickleGlobal, type PickleScope, PickleTuple } from "./pickle-values.js";
import { unpickle } from "./pickle.js";
import type { ElementType } from "./tensor-record.js";

/** A block of memory that tensors are views of. */
export class TorchStorage {
  constructor(
    readonly elementType: ElementType,
    /** Name of the file's entry with its bytes, under `data/`. */
    readonly key: string,
    readonly elements: number,
  ) {}
}

/** The elements [start, start + elements) of a storage, in row-major order. */
export interface StoredTensor {
  readonly name: string;
  readonly storage: TorchStorage;
  readonly start: number;
  readonly elements: number;
  readonly shape: readonly number[];
}

/** A tensor as the pickle describes it, contiguous or not. */
class TensorView {
  constructor(
    readonly storage: TorchStorage,
    readonly start: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** A storage's class, e.g. `torch.FloatStorage`: a name only, nothing to call. */
class StorageType extends PickleGlobal {
  constructor(
    name: string,
    readonly elementType: ElementType,
  ) {
    super(name);
  }
}

const storageTypes = [
  new StorageType("torch.FloatStorage", "float32"),
  new StorageType("torch.HalfStorage", "float16"),
  new StorageType("torch.BFloat16Storage", "bfloat16"),
  new StorageType("torch.DoubleStorage", "float64"),
  new StorageType("torch.LongStorage", "int64"),
  new StorageType("torch.IntStorage", "int32"),
  new StorageType("torch.ShortStorage", "int16"),
  new StorageType("torch.CharStorage", "int8"),
  new StorageType("torch.ByteStorage", "uint8"),
  new StorageType("torch.BoolStorage", "bool"),
];

/** Torch's own limit. It also keeps a pickle from having one huge shape checked again for each of its tensors. */
const maxRank = 64;

const scope: PickleScope = {
  globals: new Map(
    [
      ...storageTypes,
      new PickleGlobal("collections.OrderedDict", emptyDict),
      new PickleGlobal("torch.Size", torchSize),
      new PickleGlobal("torch._utils._rebuild_tensor_v2", rebuildTensor),
      new PickleGlobal("torch._utils._rebuild_parameter", rebuildParameter),
    ].map((global) => [global.name, global]),
  ),
  persistentLoad: loadStorage,
};

/**
 * The tensors of a state dict, in its order.
 * @throws {CheckpointError} when the pickle is anything but a dictionary of contiguous tensors.
 */
export function readStateDict(pickle: Uint8Array): StoredTensor[] {
  const stateDict = unpickle(pickle, scope);
  if (!(stateDict instanceof PickleDict)) {
    throw new CheckpointError(`holds ${describe(stateDict)}, not a dictionary of tensors`);
  }
  return Array.from(stateDict.entries, ([name, value]) => {
    if (value instanceof TensorView) return inContext(`tensor ${quote(name)}`, () => contiguous(name, value));
    throw new CheckpointError(
      `holds ${describe(value)} under ${quote(name)} where a tensor was expected: is it a training checkpoint?`,
    );
  });
}

function contiguous(name: string, { storage, start, shape, strides }: TensorView): StoredTensor {
  const elements = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  if (!isRowMajor(shape, strides)) {
    throw new CheckpointError(
      `is a view with shape [${shape.join(", ")}] and strides [${strides.join(", ")}] that is not contiguous; ` +
        "save it with .contiguous() or as safetensors",
    );
  }
  if (start + elements > storage.elements) {
    throw new CheckpointError(
      `takes elements [${start}, ${start + elements}) of storage ${quote(storage.key)}, which has ${storage.elements}`,
    );
  }
  return { name, storage, start, elements, shape };
}

/** Strides count for neither tensors without elements nor dimensions of one, as in torch's `is_contiguous`. */
function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  let expected = 1;
  return shape.toReversed().every((size, index) => {
    const isExpected = size === 1 || strides.at(-1 - index) === expected;
    expected *= size;
    return isExpected;
  });
}

/** `("storage", storage type, key, device it was saved from, number of elements)` */
function loadStorage(id: unknown): TorchStorage {
  const [tag, type, key, , elements] = id instanceof PickleTuple ? id.items : [];
  if (tag !== "storage" || !(type instanceof StorageType) || typeof key !== "string") {
    throw new CheckpointError("the persistent id is not that of a tensor's storage");
  }
  return new TorchStorage(type.elementType, key, asCount(elements, "the storage's number of elements"));
}

/**
 * `(storage, offset, size, stride, requires_grad, backward_hooks)`, in elements. A seventh argument would say that the
 * stored numbers are not the tensor's yet (a conjugate or negative view).
 */
function rebuildTensor(args: readonly unknown[]): TensorView {
  const [storage, start, size, stride] = args;
  if (args.length !== 6) throw new CheckpointError(`_rebuild_tensor_v2 takes 6 arguments, got ${args.length}`);
  if (!(storage instanceof TorchStorage)) {
    throw new CheckpointError(`_rebuild_tensor_v2 takes a storage, got ${describe(storage)}`);
  }
  const shape = asCounts(size, "a shape");
  const strides = asCounts(stride, "strides");
  if (shape.length !== strides.length) {
    throw new CheckpointError(`a shape of ${shape.length} dimensions with strides for ${strides.length}`);
  }
  return new TensorView(storage, asCount(start, "the storage offset"), shape, strides);
}

/** `(tensor, requires_grad, backward_hooks)` */
function rebuildParameter([tensor]: readonly unknown[]): TensorView {
  if (tensor instanceof TensorView) return tensor;
  throw new CheckpointError(`_rebuild_parameter takes a tensor, got ${describe(tensor)}`);
}

function torchSize([size]: readonly unknown[]): PickleTuple {
  return new PickleTuple(asCounts(size, "a torch.Size"));
}

function emptyDict(args: readonly unknown[]): PickleDict {
  if (args.length > 0) throw new CheckpointError(`OrderedDict takes no arguments here, got ${args.length}`);
  return new PickleDict();
}

function asCounts(value: unknown, what: string): number[] {
  if (!(value instanceof PickleTuple)) throw new CheckpointError(`${what} must be a tuple, is ${describe(value)}`);
  if (value.items.length > maxRank) {
    throw new CheckpointError(`${what} has ${value.items.length} dimensions, more than ${maxRank}`);
  }
  return value.items.map((item) => asCount(item, `an item of ${what}`));
}

function asCount(value: unknown, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new CheckpointError(`${what} must be a whole number of 0 or more, is ${describe(value)}`);
}
