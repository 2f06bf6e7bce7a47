/**
 * Scales of an int8 KV cache: how large keys and values become, channel by channel, over a text that is always the
 * same. They are found with a float32 cache and the precision that the model will run in.
 */
import { Binding, Tensor, type Session } from "../../ort/index.js";
import { io, type DecoderShape, type KvScales } from "../graph/decoder-io.js";

/** Room above the largest value that the text gives. */
const margin = 1.5;
const levels = 127;
/** Scale of a channel in which all is zero: any would do but zero. */
const smallestScale = 2 ** -100;
/** Tokens of the text that are run, in one piece. */
const maxTokens = 512;

/** @param session a session of the model with a float32 cache. */
export async function calibrate(session: Session, shape: DecoderShape, tokenIds: readonly number[]): Promise<KvScales> {
  const tokens = tokenIds.slice(0, Math.min(maxTokens, shape.positions));
  using inputs = integerInputs(session, tokens);
  using cache = cacheOf(session, shape, tokens.length);
  using binding = new Binding(session);
  for (const [name, tensor] of inputs.tensors) binding.input(name, tensor);
  for (const [past, present, tensor] of cache.tensors) binding.input(past, tensor).output(present, tensor);
  await binding.run();
  const scales = cache.tensors.map(([, , tensor]) => scalesOf(tensor, shape, tokens.length));
  return { key: scales.filter((_, index) => index % 2 === 0), value: scales.filter((_, index) => index % 2 === 1) };
}

interface Owned<T> extends Disposable {
  readonly tensors: readonly T[];
}

function integerInputs(session: Session, tokens: readonly number[]): Owned<readonly [name: string, tensor: Tensor]> {
  const count = tokens.length;
  const inputs: [name: string, shape: number[], values: number[]][] = [
    [io.tokenIds, [1, count], [...tokens]],
    [io.positions, [1, count], [...tokens.keys()]],
    [io.lastPositions, [1], [count - 1]],
    [io.totalLength, [1], [count]],
    [io.logitRows, [0], []],
  ];
  const tensors = inputs.map(([name, shape, values]) => {
    const memory = new ArrayBuffer(values.length * Int32Array.BYTES_PER_ELEMENT);
    new Int32Array(memory).set(values);
    return [name, Tensor.over(session.api, session.cpu, "int32", shape, memory)] as const;
  });
  return owned(tensors, ([, tensor]) => tensor);
}

/** Key and value cache of each layer, in this order, for one sequence of `tokens` tokens. */
function cacheOf(
  session: Session,
  { layers, kvHeads, headDim }: DecoderShape,
  tokens: number,
): Owned<readonly [past: string, present: string, tensor: Tensor]> {
  const allocate = (): Tensor => Tensor.allocate(session.api, session.cpu, "float32", [1, kvHeads, tokens, headDim]);
  const tensors = Array.from({ length: layers }, (_, layer) => [
    [io.pastKey(layer), io.presentKey(layer), allocate()] as const,
    [io.pastValue(layer), io.presentValue(layer), allocate()] as const,
  ]).flat();
  return owned(tensors, ([, , tensor]) => tensor);
}

function owned<T>(tensors: readonly T[], tensorOf: (entry: T) => Tensor): Owned<T> {
  return {
    tensors,
    [Symbol.dispose]: () => {
      for (const entry of tensors) tensorOf(entry).dispose();
    },
  };
}

/** One scale for each head's channel, of keys or values [1, kvHeads, tokens, headDim]. */
function scalesOf(tensor: Tensor, { kvHeads, headDim }: DecoderShape, tokens: number): Float32Array {
  const bytes = tensor.bytes();
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, kvHeads * tokens * headDim);
  const largest = new Float32Array(kvHeads * headDim);
  for (let head = 0; head < kvHeads; head += 1) {
    for (let token = 0; token < tokens; token += 1) {
      const start = (head * tokens + token) * headDim;
      for (let channel = 0; channel < headDim; channel += 1) {
        const index = head * headDim + channel;
        largest[index] = Math.max(largest[index] ?? 0, Math.abs(values[start + channel] ?? 0));
      }
    }
  }
  return largest.map((value) => Math.max((value * margin) / levels, smallestScale));
}
