/** GGUF's descriptions of tensors, turned into places in the file that are sure to be there. */
import { CheckpointError } from "../../../errors.js";
import { quote } from "../messages.js";
import { blockSizes, bytesPerElement, isBlockType, type TensorRecord } from "../tensor-record.js";
import type { GgufCursor } from "./cursor.js";
import { refusalOf, servedTypes } from "./tensor-types.js";

/** The specification's limit. */
const maxNameBytes = 64;
const maxDimensions = 4;

/** A description as it is; `offset` counts from the end of the file's head. */
export type DescribedTensor = Omit<TensorRecord, "file">;

/** @throws {CheckpointError} when a description is cut off, or its tensor is of a type or a size that cannot be. */
export function readDescriptions(cursor: GgufCursor, count: number): DescribedTensor[] {
  const tensors = new Map<string, DescribedTensor>();
  for (let index = 0; index < count; index += 1) {
    const name = cursor.string(`name of tensor ${index}`, maxNameBytes);
    if (tensors.has(name)) throw new CheckpointError(`has two tensors named ${quote(name)}`);
    tensors.set(name, readDescription(cursor, name));
  }
  return [...tensors.values()];
}

function readDescription(cursor: GgufCursor, name: string): DescribedTensor {
  const what = `tensor ${quote(name)}`;
  const shape = readShape(cursor, what);
  const type = cursor.uint32(`type of ${what}`);
  const elementType = servedTypes.get(type)?.elementType;
  if (elementType === undefined) throw new CheckpointError(`${what} ${refusalOf(type)}`);
  const row = shape.at(-1) ?? 0;
  if (isBlockType(elementType) && row % blockSizes[elementType].elements !== 0) {
    const { elements } = blockSizes[elementType];
    throw new CheckpointError(`${what} has rows of ${row} elements, which are no whole blocks of ${elements}`);
  }
  const elements = shape.reduce((product, size) => product * size, 1);
  const byteLength = elements * bytesPerElement[elementType];
  if (byteLength > cursor.fileBytes) {
    throw new CheckpointError(
      `${what} of shape [${shape.join(", ")}] takes ${byteLength} bytes, the whole file has ${cursor.fileBytes}`,
    );
  }
  const offset = cursor.count(`offset of ${what}`, cursor.fileBytes);
  return { name, elementType, shape, offset, byteLength };
}

/** GGUF gives the fastest dimension first, row-major order the slowest. */
function readShape(cursor: GgufCursor, what: string): number[] {
  const dimensions = cursor.uint32(`number of dimensions of ${what}`);
  if (dimensions < 1 || dimensions > maxDimensions) {
    throw new CheckpointError(`${what} has ${dimensions} dimensions; it must have 1 to ${maxDimensions}`);
  }
  const sizes: number[] = [];
  for (let axis = 0; axis < dimensions; axis += 1) {
    const size = cursor.count(`dimension ${axis} of ${what}`, Number.MAX_SAFE_INTEGER);
    if (size === 0) throw new CheckpointError(`dimension ${axis} of ${what} is 0`);
    sizes.push(size);
  }
  return sizes.reverse();
}

/**
 * Places described tensors behind the head, which ends at `headEnd`. They must tile the rest of the file: nothing
 * shared, nothing missing, and no more left over than alignment needs.
 * @throws {CheckpointError} when they do not.
 */
export function placeTensors(
  described: readonly DescribedTensor[],
  file: string,
  { headEnd, alignment, fileBytes }: { headEnd: number; alignment: number; fileBytes: number },
): TensorRecord[] {
  const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;
  const start = aligned(headEnd);
  const records = described.map((tensor) => ({ ...tensor, file, offset: start + tensor.offset }));
  let end = start;
  for (const { name, offset, byteLength } of records.toSorted((a, b) => a.offset - b.offset)) {
    if (offset !== aligned(end)) {
      throw new CheckpointError(
        `tensor ${quote(name)} begins at byte ${offset}; the tensor before it ends so that it must begin at ` +
          `${aligned(end)} (alignment ${alignment})`,
      );
    }
    end = offset + byteLength;
    if (end > fileBytes) {
      throw new CheckpointError(`tensor ${quote(name)} ends at byte ${end}, the file has ${fileBytes}: it is cut off`);
    }
  }
  if (fileBytes > aligned(end)) {
    throw new CheckpointError(`the bytes [${aligned(end)}, ${fileBytes}) belong to no tensor`);
  }
  return records;
}
