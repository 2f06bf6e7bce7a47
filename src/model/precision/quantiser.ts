/** Quantises one factor: reads it, runs the scheme's graph over it, keeps codes and scales in native memory. */
import { open, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { CheckpointError } from "../../errors.js";
import { Binding, elementTypes, Session, Tensor, type SessionOptions } from "../../ort/index.js";
import { quote } from "../checkpoint/messages.js";
import { bytesPerElement } from "../checkpoint/tensor-record.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { sizeOf, type Factor, type FactorSize } from "../graph/products.js";
import { storedType } from "../graph/weights.js";
import { quantised, type Scheme, type StoredType } from "./scheme.js";

/**
 * A factor's parts, or those of some of its outputs. In native memory, which is free again at once: what JavaScript
 * drops would stay resident until its next garbage collection, long after the start.
 */
class Quantised implements Disposable {
  readonly scales: Tensor;
  readonly codes: Tensor;

  constructor({ api, cpu }: Session, scheme: Scheme, size: FactorSize) {
    const allocate = ({ elementType, shape }: StoredType): Tensor => Tensor.allocate(api, cpu, elementType, shape);
    this.scales = allocate(scheme.scales(size));
    this.codes = allocate(scheme.codes(size));
  }

  /** This, once `fill` has run; disposed of when that fails. */
  async filledBy(fill: () => Promise<void>): Promise<this> {
    try {
      await fill();
      return this;
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.scales.dispose();
    this.codes.dispose();
  }
}

/** Quantises factors one by one. Its sessions are made on first use and kept until it is disposed of. */
export class Quantiser implements Disposable {
  /** One for each kind of factor. */
  readonly #sessions = new Map<string, Session>();

  constructor(
    private readonly folder: string,
    private readonly scheme: Scheme,
    private readonly options: SessionOptions,
    /** Numbers of an output-major factor that are in memory at once; an input-major one runs whole. */
    private readonly numbersAtOnce: number,
  ) {}

  /**
   * The caller disposes of the result.
   * @throws {CheckpointError} when a number is infinite or none, with the tensor's name.
   */
  async quantise(factor: Factor): Promise<Quantised> {
    const handle = await open(path.join(this.folder, factor.record.file));
    try {
      return await this.#quantiseFrom(handle, factor);
    } finally {
      await handle.close();
    }
  }

  async #quantiseFrom(handle: FileHandle, factor: Factor): Promise<Quantised> {
    const { inputs, outputs } = sizeOf(factor);
    const atOnce = factor.major === "input" ? outputs : Math.max(1, Math.floor(this.numbersAtOnce / inputs));
    if (atOnce >= outputs) return this.#run(handle, factor, 0, outputs);
    const whole = new Quantised(await this.#sessionFor(factor), this.scheme, { inputs, outputs });
    return whole.filledBy(async () => {
      for (let first = 0; first < outputs; first += atOnce) {
        using part = await this.#run(handle, factor, first, Math.min(atOnce, outputs - first));
        const rows = this.scheme.outputAxis === 0 ? 1 : inputs;
        placeColumns(part.codes, whole.codes, rows, (whole.codes.byteLength / rows / outputs) * first);
        placeColumns(part.scales, whole.scales, 1, (whole.scales.byteLength / outputs) * first);
      }
    });
  }

  /** The outputs [first, first + count) of a factor; of an input-major one, all. */
  async #run(handle: FileHandle, factor: Factor, first: number, count: number): Promise<Quantised> {
    const session = await this.#sessionFor(factor);
    const { api, cpu } = session;
    const { inputs } = sizeOf(factor);
    const stored = factor.major === "input" ? [inputs, count] : [count, inputs];
    using weight = Tensor.allocate(api, cpu, storedType(factor.record), stored);
    await readInto(weight.bytes(), handle, factor, first);
    const found = new Quantised(session, this.scheme, { inputs, outputs: count });
    return await found.filledBy(async () => {
      const sum = new Float32Array(new ArrayBuffer(Float32Array.BYTES_PER_ELEMENT));
      using sumTensor = Tensor.over(api, cpu, "float32", [], sum.buffer);
      using binding = new Binding(session).input(quantised.weight, weight).output(quantised.sum, sumTensor);
      await binding.output(quantised.scales, found.scales).output(quantised.codes, found.codes).run();
      if (!Number.isFinite(sum[0])) throw notFinite(factor);
    });
  }

  async #sessionFor(factor: Factor): Promise<Session> {
    const { inputs } = sizeOf(factor);
    const kind = `${factor.record.elementType} ${factor.major} ${inputs}`;
    const known = this.#sessions.get(kind);
    if (known !== undefined) return known;
    const made = await Session.create(quantiserGraph(this.scheme, factor), this.options);
    this.#sessions.set(kind, made);
    return made;
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions.values()) session.dispose();
  }
}

/** weight -> scales, codes, and the sum of all its numbers: finite only if each of them is. */
function quantiserGraph(scheme: Scheme, { record, major }: Factor): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder("quantiser");
  const type = storedType(record);
  const stored = graph.input(quantised.weight, type, ["rows", "columns"]);
  const weight = type === "float32" ? stored : graph.add("Cast", [stored], { to: BigInt(elementTypes.float32.onnx) });
  const size = sizeOf({ record, major });
  scheme.addQuantiser(graph, weight, major, size.inputs);
  graph.addNamed("ReduceSum", [weight], [quantised.sum], { keepdims: 0n });
  const { elementType, shape } = scheme.codes(size);
  graph.output(
    quantised.scales,
    "float32",
    scheme.scales(size).shape.map((_, axis) => `scales_${axis}`),
  );
  graph.output(
    quantised.codes,
    elementType,
    shape.map((_, axis) => `codes_${axis}`),
  );
  graph.output(quantised.sum, "float32", []);
  return graph.build();
}

/** Fills `bytes` with a factor as it is stored, from output `first` on (from its beginning, if it is input-major). */
async function readInto(bytes: Uint8Array, handle: FileHandle, factor: Factor, first: number): Promise<void> {
  const { file, offset, elementType } = factor.record;
  const start = offset + first * sizeOf(factor).inputs * bytesPerElement[elementType];
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesRead } = await handle.read(bytes, done, bytes.byteLength - done, start + done);
    if (bytesRead === 0) throw new CheckpointError(`${file}: changed while it was read`);
    done += bytesRead;
  }
}

/** Copies a matrix of `rows` rows into some columns of a wider one, from byte `start` of each of its rows on. */
function placeColumns(part: Tensor, whole: Tensor, rows: number, start: number): void {
  const [from, to] = [part.byteLength / rows, whole.byteLength / rows];
  const [source, target] = [part.bytes(), whole.bytes()];
  for (let row = 0; row < rows; row += 1) target.set(source.subarray(row * from, (row + 1) * from), row * to + start);
}

function notFinite({ record }: Factor): CheckpointError {
  return new CheckpointError(
    `${record.file}: tensor ${quote(record.name)} has values that are infinite or not a number: it cannot be quantised`,
  );
}
