const number = new Float32Array(1);
const bits = new Uint32Array(number.buffer);

/**
 * The bits of the float16 nearest to `value`, ties to even, as ggml's GGML_FP32_TO_FP16 gives them: subnormal below
 * 2^-14, infinite from 65,520 on.
 */
export function toFloat16(value: number): number {
  number[0] = value;
  const [float = 0] = bits;
  const sign = (float >>> 16) & 0x8000;
  const magnitude = float & 0x7fffffff;
  if (magnitude >= 0x47800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude >= 0x38800000) return sign | roundedShift(magnitude - 0x38000000, 13);
  const shift = 126 - (magnitude >>> 23); // subnormal: the hidden bit becomes a bit like the others
  return sign | (shift > 24 ? 0 : roundedShift((magnitude & 0x7fffff) | 0x800000, shift));
}

/** `value >> shift`, rounded to nearest, ties to even. */
function roundedShift(value: number, shift: number): number {
  const half = 1 << (shift - 1);
  const rest = value & ((1 << shift) - 1);
  const floor = value >>> shift;
  return rest > half || (rest === half && (floor & 1) === 1) ? floor + 1 : floor;
}
