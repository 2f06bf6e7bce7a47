import { expect, test } from "vitest";
import { hasExactInt8Products } from "../../../src/model/precision/processor.js";

const info = (flags: string): string => `processor\t: 0\nmodel name\t: some\nflags\t\t: fpu ${flags} avx2\nbugs\t\t:\n`;

test.for([
  ["x64", info("avx512_vnni"), true],
  ["x64", info("avx_vnni"), true],
  ["x64", info("avx512f avx512_vnni_not"), false],
  ["x64", info(""), false],
  ["x64", undefined, false],
  ["arm64", undefined, true],
] as const)(
  "a processor %s with %j adds up products of uint8 and int8 exactly: %s",
  ([architecture, cpuInfo, expected]) => {
    expect(hasExactInt8Products({ architecture, cpuInfo })).toBe(expected);
  },
);
