/**
 * ggml's element types written and read naively, number by number, as ggml-quants.c has them: the oracle for what the
 * program makes of them.
 */
export type GgmlType = "F32" | "F16" | "BF16" | "Q8_0" | "Q4_0" | "Q6_K";

export const ggmlIds: Readonly<Record<GgmlType, number>> = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 8, Q6_K: 14, BF16: 30 };

/** A row in the given type; its length must be whole blocks. */
export function quantiseRow(type: GgmlType, row: Float32Array): Buffer {
  const values = [...row];
  if (type === "F32") return Buffer.from(Float32Array.from(row).buffer);
  if (type === "F16") return Buffer.from(Uint16Array.from(values, toFloat16).buffer);
  if (type === "BF16") return Buffer.from(Uint16Array.from(values, toBfloat16).buffer);
  const { size, write } = blockWriters[type];
  return Buffer.concat(runs(values, size).map(write));
}

/** The numbers in a row of bytes, as float32. */
export function dequantiseRow(type: GgmlType, bytes: Buffer): Float32Array {
  if (type === "F32") return new Float32Array(Uint8Array.from(bytes).buffer);
  if (type === "F16" || type === "BF16") {
    const halves = new Uint16Array(Uint8Array.from(bytes).buffer);
    if (type === "F16") return Float32Array.from(halves, float16ToNumber);
    return new Float32Array(Uint32Array.from(halves, (bits) => bits * 0x10000).buffer);
  }
  const { bytes: size, read } = blockReaders[type];
  return Float32Array.from(runs([...bytes], size).flatMap((block) => read(Buffer.from(block))));
}

type BlockType = "Q8_0" | "Q4_0" | "Q6_K";
type Numbers = readonly number[];

const blockWriters: Readonly<Record<BlockType, { size: number; write: (block: Numbers) => Buffer }>> = {
  Q8_0: {
    size: 32,
    write: (block) => {
      const scale = float16Of(largest(block) / 127);
      return Buffer.concat([
        uint16(toFloat16(scale)),
        Buffer.from(block.map((value) => code(value, scale, -127, 127))),
      ]);
    },
  },
  Q4_0: {
    size: 32,
    write: (block) => {
      const extreme = block.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
      const scale = float16Of(extreme / -8);
      const codes = block.map((value) => code(value, scale, -8, 7) + 8);
      const pairs = codes.slice(0, 16).map((low, index) => low | ((codes[index + 16] ?? 0) << 4));
      return Buffer.concat([uint16(toFloat16(scale)), Buffer.from(pairs)]);
    },
  },
  Q6_K: {
    size: 256,
    write: (block) => {
      const wanted = runs(block, 16).map((group) => largest(group) / 31);
      const scale = float16Of(largest(wanted) / 127);
      const scales = wanted.map((own) => code(own, scale, 0, 127));
      const codes = block.map((value, index) => code(value, scale * (scales[index >> 4] ?? 0), -32, 31) + 32);
      const at = (index: number): number => codes[index] ?? 0;
      const halves = [0, 128];
      const low = halves.flatMap((half) =>
        upTo(64).map((index) => (at(half + index) & 15) | ((at(half + index + 64) & 15) << 4)),
      );
      const high = halves.flatMap((half) =>
        upTo(32).map((index) =>
          upTo(4).reduce((bits, run) => bits | ((at(half + 32 * run + index) >> 4) << (2 * run)), 0),
        ),
      );
      return Buffer.concat([Buffer.from([...low, ...high, ...scales]), uint16(toFloat16(scale))]);
    },
  },
};

const blockReaders: Readonly<Record<BlockType, { bytes: number; read: (block: Buffer) => number[] }>> = {
  Q8_0: {
    bytes: 34,
    read: (block) => upTo(32).map((index) => float16ToNumber(block.readUInt16LE()) * block.readInt8(2 + index)),
  },
  Q4_0: {
    bytes: 18,
    read: (block) => {
      const scale = float16ToNumber(block.readUInt16LE());
      const pairs = [...block.subarray(2)];
      return [...pairs.map((pair) => pair % 16), ...pairs.map((pair) => Math.floor(pair / 16))].map(
        (c) => scale * (c - 8),
      );
    },
  },
  Q6_K: {
    bytes: 210,
    // As the reference writes it: two halves, each of four runs that share bytes.
    read: (block) => {
      const values = new Array<number>(256);
      const scale = float16ToNumber(block.readUInt16LE(208));
      for (const half of [0, 1]) {
        for (const index of upTo(32)) {
          const [low, lowNext] = [block.readUInt8(64 * half + index), block.readUInt8(64 * half + index + 32)];
          const high = block.readUInt8(128 + 32 * half + index);
          const codes = [
            (low & 15) | ((high & 3) << 4),
            (lowNext & 15) | (((high >> 2) & 3) << 4),
            (low >> 4) | (((high >> 4) & 3) << 4),
            (lowNext >> 4) | (((high >> 6) & 3) << 4),
          ];
          codes.forEach((stored, run) => {
            const own = block.readInt8(192 + 8 * half + 2 * run + Math.floor(index / 16));
            values[128 * half + 32 * run + index] = Math.fround(Math.fround(scale * own) * (stored - 32));
          });
        }
      }
      return values;
    },
  },
};

/** The float16 with these bits. */
export function float16ToNumber(bits: number): number {
  const sign = bits >> 15 === 1 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The bits of the nearest float16, of two the even one; for numbers within its range. */
function toFloat16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  const exponent = Math.max(-14, Math.floor(Math.log2(size === 0 ? 2 ** -14 : size)));
  const steps = roundToEven(size / 2 ** (exponent - 10));
  return sign | (steps < 1024 ? steps : ((exponent + 15) << 10) + steps - 1024);
}

const float16Of = (value: number): number => float16ToNumber(toFloat16(value));

function toBfloat16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
  return roundToEven(bits / 0x10000);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below + (below % 2);
  return rest < 0.5 ? below : below + 1;
}

function code(value: number, scale: number, least: number, most: number): number {
  return scale === 0 ? 0 : Math.min(most, Math.max(least, Math.round(value / scale)));
}

function uint16(bits: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(bits);
  return bytes;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const largest = (values: Numbers): number => Math.max(...values.map(Math.abs));

function runs<T>(values: readonly T[], length: number): T[][] {
  return Array.from({ length: Math.ceil(values.length / length) }, (_, run) =>
    values.slice(run * length, (run + 1) * length),
  );
}
