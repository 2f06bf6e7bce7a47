import { FieldError } from "../../fields.js";

/** Bytes of the little-endian length in front of each element. */
const prefixLength = 4;

/**
 * The elements of a raw BYTES tensor, in Triton's form: each behind its length.
 * @param name of the tensor.
 * @throws {FieldError} when the bytes end inside an element.
 */
export function elementsOf(raw: Uint8Array, name: string): Uint8Array[] {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const elements: Uint8Array[] = [];
  let position = 0;
  while (position < raw.length) {
    const start = position + prefixLength;
    const end = start <= raw.length ? start + view.getUint32(position, true) : start;
    if (end > raw.length) {
      const rule = `must be elements behind their 4-byte lengths: it ends inside element ${elements.length}`;
      throw new FieldError("raw_input_contents", `raw_input_contents of input "${name}" ${rule}`);
    }
    elements.push(raw.subarray(start, end));
    position = end;
  }
  return elements;
}
