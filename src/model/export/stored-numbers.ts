/** Reads a stored tensor as float32, some numbers at a time, in the order of the architecture's own library. */
import { open, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { CheckpointError } from "../../errors.js";
import { unreadable } from "../checkpoint/json.js";
import { bytesPerElement, type TensorRecord } from "../checkpoint/tensor-record.js";
import { widen } from "./rounding.js";

/** Whole blocks of every type. */
const defaultNumbersAtOnce = 2 ** 20;

/**
 * The numbers of a tensor in row-major order, in pieces; each is good until the next is asked for. A transposed matrix
 * is in memory as a whole, of others no more than a piece.
 *
 * @param numbersAtOnce numbers of a piece, at most: a multiple of 256.
 * @throws {CheckpointError} when the file cannot be read.
 */
export async function* storedNumbers(
  folder: string,
  record: TensorRecord,
  numbersAtOnce: number = defaultNumbersAtOnce,
): AsyncGenerator<Float32Array> {
  const handle = await open(path.join(folder, record.file)).catch((error: unknown) => {
    throw unreadable(record.file, error);
  });
  try {
    const pieces = inFileOrder(handle, record, numbersAtOnce);
    yield* record.isTransposed === true ? transposed(pieces, record, numbersAtOnce) : pieces;
  } finally {
    await handle.close();
  }
}

async function* inFileOrder(
  handle: FileHandle,
  record: TensorRecord,
  numbersAtOnce: number,
): AsyncGenerator<Float32Array> {
  const { elementType, offset, byteLength } = record;
  const width = bytesPerElement[elementType];
  const source = new Uint8Array(Math.min(byteLength, numbersAtOnce * width));
  const numbers = new Float32Array(source.length / width);
  for (let done = 0; done < byteLength; done += source.length) {
    const bytes = source.subarray(0, byteLength - done);
    await fill(handle, bytes, offset + done, record.file);
    const piece = numbers.subarray(0, bytes.length / width);
    widen(elementType, bytes, piece);
    yield piece;
  }
}

async function fill(handle: FileHandle, bytes: Uint8Array, position: number, file: string): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await handle
      .read(bytes, done, bytes.length - done, position + done)
      .catch((error: unknown) => {
        throw unreadable(file, error);
      });
    if (bytesRead === 0) throw new CheckpointError(`${file}: changed while it was read`);
    done += bytesRead;
  }
}

/** Rows of the transposed matrix, as many as a piece holds. */
async function* transposed(
  pieces: AsyncIterable<Float32Array>,
  { shape: [rows = 0, columns = 0] }: TensorRecord,
  numbersAtOnce: number,
): AsyncGenerator<Float32Array> {
  const whole = new Float32Array(rows * columns);
  let filled = 0;
  for await (const piece of pieces) {
    whole.set(piece, filled);
    filled += piece.length;
  }
  const columnsAtOnce = Math.max(1, Math.floor(numbersAtOnce / rows));
  for (let first = 0; first < columns; first += columnsAtOnce) {
    yield columnsOf(whole, [rows, columns], first, Math.min(first + columnsAtOnce, columns));
  }
}

/** The columns [first, end) of a matrix, one after the other. */
function columnsOf(
  matrix: Float32Array,
  [rows, columns]: readonly [number, number],
  first: number,
  end: number,
): Float32Array {
  const found = new Float32Array((end - first) * rows);
  for (let row = 0; row < rows; row += 1) {
    for (let column = first; column < end; column += 1) {
      found[(column - first) * rows + row] = matrix[row * columns + column] ?? NaN;
    }
  }
  return found;
}
