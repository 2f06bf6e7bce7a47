/** NVIDIA's own libraries, called directly. Their functions return a number: 0 = success. */
import type { Pointer } from "../library.js";
import { koffi } from "../ffi.js";

export type ForeignType = "int" | "unsigned int" | "size_t" | "void *";

/** A loaded library; a test can put another in its place. */
export interface ForeignLibrary {
  /** @throws when it has no such function. */
  func(name: string, result: "int", args: readonly ForeignType[]): (...args: readonly unknown[]) => unknown;
  /** The C string at an address. */
  text(address: Pointer): string;
}

/** @throws when it cannot be loaded, with the dynamic linker's message. */
export type LoadForeign = (name: string) => ForeignLibrary;

/** Held: koffi unloads a library whose handle is collected. */
const loaded = new Map<string, ForeignLibrary>();

/** Finds the library as the dynamic linker does, once for each name. */
export const loadForeign: LoadForeign = (name) => {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const handle = koffi.load(name);
  const library: ForeignLibrary = {
    func: (symbol, result, args) => handle.func(symbol, result, [...args]) as (...args: readonly unknown[]) => unknown,
    text: (address) => String(koffi.decode(address, "char", -1)),
  };
  loaded.set(name, library);
  return library;
};

/** C's name in a buffer of bytes. */
export function textIn(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(bytes.subarray(0, end === -1 ? bytes.length : end)).toString("latin1");
}
