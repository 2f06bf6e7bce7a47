import path from "node:path";
import type { ElementType } from "../../ort/index.js";
import {
  serializeModel,
  type AttributeValue,
  type ExternalInitializer,
  type InlineInitializer,
  type NodeDescription,
  type ValueDescription,
} from "./onnx.js";

/** A tensor inside a graph under construction. */
export interface Value {
  readonly name: string;
}

/** An input that an operator leaves out. */
export const absent: Value = { name: "" };

/** Operator sets that the architectures are written for. */
const operatorSets = { "": 21, "com.microsoft": 1 };

/**
 * Collects nodes in the order in which they are computed, and names the values between them.
 * Knows ONNX, not models: what a layer is stands in `architectures/`.
 */
export class GraphBuilder {
  readonly #nodes: NodeDescription[] = [];
  readonly #initializers = new Map<string, ExternalInitializer | InlineInitializer>();
  readonly #inputs: ValueDescription[] = [];
  readonly #outputs: ValueDescription[] = [];
  readonly #shapes: ValueDescription[] = [];
  #values = 0;

  /** @param folder of the weights' files, relative to the session's external data folder. */
  constructor(
    private readonly name: string,
    private readonly folder = "",
  ) {}

  input(name: string, elementType: ElementType, shape: readonly (number | string)[]): Value {
    this.#inputs.push({ name, elementType, shape });
    return { name };
  }

  /** Makes the value of that name a graph output. Named by its node: an Identity would copy it on every run. */
  output(name: string, elementType: ElementType, shape: readonly (number | string)[]): void {
    this.#outputs.push({ name, elementType, shape });
  }

  /**
   * Says what type and shape a value has where ONNX Runtime cannot infer it; what follows from it, it infers. Without
   * names for the dimensions its memory planner compares every pair of buffers of a graph, which takes longer than
   * all else about a small session.
   */
  describe(value: Value, elementType: ElementType, shape: readonly (number | string)[]): Value {
    this.#shapes.push({ name: value.name, elementType, shape });
    return value;
  }

  /** A weight that stays where it is in its file. */
  weight(initializer: ExternalInitializer): Value {
    this.#initializers.set(initializer.name, { ...initializer, file: path.join(this.folder, initializer.file) });
    return { name: initializer.name };
  }

  /** A small int64 vector, for shapes and axes. */
  integers(name: string, values: readonly number[]): Value {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.constant({ name, elementType: "int64", shape: [values.length], bytes });
  }

  /** A small tensor that is written into the graph. One name, one constant: given again, it is the same. */
  constant(initializer: InlineInitializer): Value {
    this.#initializers.set(initializer.name, initializer);
    return { name: initializer.name };
  }

  /** A float32 scalar. */
  scalar(value: number): Value {
    const bytes = new Uint8Array(Float32Array.of(value).buffer);
    return this.constant({ name: `float_${value}`, elementType: "float32", shape: [], bytes });
  }

  /** An operator with one output. `domain` empty = ONNX's own. */
  add(
    operator: string,
    inputs: readonly Value[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain: "" | "com.microsoft" = "",
  ): Value {
    const [output = absent] = this.addNamed(operator, inputs, [this.fresh(operator)], attributes, domain);
    return output;
  }

  /** An operator whose outputs are named by the caller; an empty name leaves an output out. */
  addNamed(
    operator: string,
    inputs: readonly Value[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain: "" | "com.microsoft" = "",
  ): readonly Value[] {
    this.#nodes.push({ operator, domain, inputs: inputs.map((input) => input.name), outputs, attributes });
    return outputs.map((name) => ({ name }));
  }

  /** A name that no other value has. */
  fresh(prefix: string): string {
    this.#values += 1;
    return `${prefix}_${this.#values}`;
  }

  /** The graph as the bytes of an ONNX model. Weights are not in it: a few KB. */
  build(): Uint8Array<ArrayBuffer> {
    return serializeModel({
      name: this.name,
      nodes: this.#nodes,
      initializers: [...this.#initializers.values()],
      inputs: this.#inputs,
      outputs: this.#outputs,
      shapes: this.#shapes,
      operatorSets,
    });
  }
}
