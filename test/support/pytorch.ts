/** Writes what torch.save writes, by hand, out of single pickle opcodes: also what torch itself never would. */
import { uint, zip } from "./zip.js";

/** Pickle opcodes as bytes; `Buffer.concat` of them is a pickle. */
export const op = {
  proto: (version = 2) => Buffer.from([0x80, version]),
  mark: Buffer.from("("),
  stop: Buffer.from("."),
  reduce: Buffer.from("R"),
  build: Buffer.from("b"),
  persistentId: Buffer.from("Q"),
  emptyDict: Buffer.from("}"),
  emptyTuple: Buffer.from(")"),
  tuple: Buffer.from("t"),
  tuple1: Buffer.from([0x85]),
  tuple2: Buffer.from([0x86]),
  setItem: Buffer.from("s"),
  setItems: Buffer.from("u"),
  none: Buffer.from("N"),
  no: Buffer.from([0x89]),
  int: (value: number) => Buffer.concat([Buffer.from([0x8a, 8]), uint(8, value)]),
  text: (value: string) => Buffer.concat([Buffer.from("X"), uint(4, Buffer.byteLength(value)), Buffer.from(value)]),
  global: (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`),
  stackGlobal: (module: string, name: string) => Buffer.concat([op.text(module), op.text(name), Buffer.from([0x93])]),
  put: (index: number) => Buffer.concat([Buffer.from("r"), uint(4, index)]),
  get: (index: number) => Buffer.concat([Buffer.from("j"), uint(4, index)]),
};

/** A call of `module.name` with `args`, which are pickled already. */
export function call(module: string, name: string, ...args: Buffer[]): Buffer {
  return Buffer.concat([op.global(module, name), op.mark, ...args, op.tuple, op.reduce]);
}

export interface PickledTensor {
  /** `FloatStorage` unless given. */
  readonly storageType?: string;
  readonly key: string;
  /** Elements in the storage; the product of `shape` unless given. */
  readonly elements?: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  /** Row-major unless given. */
  readonly strides?: readonly number[];
}

/** A tensor as torch pickles it. */
export function tensor(view: PickledTensor): Buffer {
  const { key, shape, storageType = "FloatStorage", offset = 0, strides = rowMajor(shape) } = view;
  return call(
    "torch._utils",
    "_rebuild_tensor_v2",
    storage(storageType, key, view.elements ?? product(shape)),
    op.int(offset),
    tuple(shape.map(op.int)),
    tuple(strides.map(op.int)),
    op.no,
    call("collections", "OrderedDict"),
  );
}

/** The persistent id by which a tensor names its storage. */
export function storage(type: string, key: string, elements: number): Buffer {
  const id = [op.text("storage"), op.global("torch", type), op.text(key), op.text("cpu"), op.int(elements)];
  return Buffer.concat([tuple(id), op.persistentId]);
}

export function tuple(items: readonly Buffer[]): Buffer {
  return Buffer.concat([op.mark, ...items, op.tuple]);
}

/** A whole pickle: an `OrderedDict` of values that are pickled already. */
export function stateDict(values: Readonly<Record<string, Buffer>>): Buffer {
  const items = Object.entries(values).flatMap(([name, value]) => [op.text(name), value]);
  return pickle(call("collections", "OrderedDict"), op.mark, ...items, op.setItems);
}

export function pickle(...opcodes: Buffer[]): Buffer {
  return Buffer.concat([op.proto(), ...opcodes, op.stop]);
}

/** A file as torch.save writes it, with `storages` by key; `others` are added or replace version and byte order. */
export function torchFile(
  pickled: Buffer,
  storages: Readonly<Record<string, Uint8Array>> = {},
  others: Readonly<Record<string, string>> = {},
): Buffer {
  const texts = Object.entries({ version: "3\n", byteorder: "little", ...others });
  return zip([
    { name: "model/data.pkl", data: pickled },
    ...Object.entries(storages).map(([key, data]) => ({ name: `model/data/${key}`, data })),
    ...texts.map(([name, text]) => ({ name: `model/${name}`, data: Buffer.from(text) })),
  ]);
}

function rowMajor(shape: readonly number[]): number[] {
  return shape.map((_, index) => product(shape.slice(index + 1)));
}

function product(numbers: readonly number[]): number {
  return numbers.reduce((result, number) => result * number, 1);
}
