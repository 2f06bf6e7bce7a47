/**
 * Reads a pickle that nobody has to trust. Python's own `pickle.load` runs whatever the file names; this reader makes
 * tuples, dictionaries and plain values, and of the outside it knows only the names in its `PickleScope`.
 *
 * The opcodes are those that torch.save writes for a state dict (protocol 2) and their protocol 4 forms. Any other is
 * refused, among them all that import or call in another way (INST, OBJ, NEWOBJ, EXT1, PERSID, ...).
 * Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import { CheckpointError } from "../../errors.js";
import { inContext } from "./messages.js";
import { PickleBytes } from "./pickle-bytes.js";
import { PickleMachine } from "./pickle-machine.js";
import { PickleDict, type PickleScope, PickleTuple } from "./pickle-values.js";

const maxProtocol = 5;
const stop = ".".charCodeAt(0);

interface Opcode {
  readonly name: string;
  readonly run: (machine: PickleMachine, bytes: PickleBytes) => void;
}

const opcodes: ReadonlyMap<number, Opcode> = new Map([
  opcode("\x80", "PROTO", (_machine, bytes) => checkProtocol(bytes.uint8())),
  opcode("\x95", "FRAME", (_machine, bytes) => bytes.skip(8)), // how far to read ahead: all is in memory already

  opcode("N", "NONE", (machine) => machine.push(null)),
  opcode("\x88", "NEWTRUE", (machine) => machine.push(true)),
  opcode("\x89", "NEWFALSE", (machine) => machine.push(false)),
  opcode("K", "BININT1", (machine, bytes) => machine.push(bytes.uint8())),
  opcode("M", "BININT2", (machine, bytes) => machine.push(bytes.uint16())),
  opcode("J", "BININT", (machine, bytes) => machine.push(bytes.int32())),
  opcode("\x8a", "LONG1", (machine, bytes) => machine.push(bytes.integer(bytes.uint8()))),
  opcode("G", "BINFLOAT", (machine, bytes) => machine.push(bytes.float64())),
  opcode("\x8c", "SHORT_BINUNICODE", (machine, bytes) => machine.push(bytes.text(bytes.uint8()))),
  opcode("X", "BINUNICODE", (machine, bytes) => machine.push(bytes.text(bytes.uint32()))),

  opcode("(", "MARK", (machine) => machine.mark()),
  opcode(")", "EMPTY_TUPLE", (machine) => machine.tuple(0)),
  opcode("\x85", "TUPLE1", (machine) => machine.tuple(1)),
  opcode("\x86", "TUPLE2", (machine) => machine.tuple(2)),
  opcode("\x87", "TUPLE3", (machine) => machine.tuple(3)),
  opcode("t", "TUPLE", (machine) => machine.push(new PickleTuple(machine.popToMark()))),
  opcode("}", "EMPTY_DICT", (machine) => machine.push(new PickleDict())),
  opcode("s", "SETITEM", (machine) => machine.setItems([machine.pop(), machine.pop()].reverse())),
  opcode("u", "SETITEMS", (machine) => machine.setItems(machine.popToMark())),

  opcode("q", "BINPUT", (machine, bytes) => machine.memoize(bytes.uint8())),
  opcode("r", "LONG_BINPUT", (machine, bytes) => machine.memoize(bytes.uint32())),
  opcode("\x94", "MEMOIZE", (machine) => machine.memoize()),
  opcode("h", "BINGET", (machine, bytes) => machine.recall(bytes.uint8())),
  opcode("j", "LONG_BINGET", (machine, bytes) => machine.recall(bytes.uint32())),

  opcode("c", "GLOBAL", (machine, bytes) => machine.global(bytes.line(), bytes.line())),
  opcode("\x93", "STACK_GLOBAL", (machine) => machine.globalFromStack()),
  opcode("R", "REDUCE", (machine) => machine.call()),
  opcode("b", "BUILD", (machine) => machine.setAttributes()),
  opcode("Q", "BINPERSID", (machine) => machine.loadPersistent()),
]);

/**
 * The value that the pickle in `pickled` describes.
 * @throws {CheckpointError} naming opcode and byte, when the pickle is damaged, uses an opcode that is not supported,
 * names something outside `scope`, or wants more room than any state dict does.
 */
export function unpickle(pickled: Uint8Array, scope: PickleScope): unknown {
  const bytes = new PickleBytes(pickled);
  const machine = new PickleMachine(scope);
  while (!bytes.isAtEnd) {
    const at = bytes.position;
    const code = bytes.uint8();
    if (code === stop) return inContext(`STOP at byte ${at}`, () => machine.pop());
    const { name, run } = lookUp(code, at);
    inContext(`${name} at byte ${at}`, () => run(machine, bytes));
  }
  throw new CheckpointError(`the pickle is cut off: no STOP in its ${pickled.length} bytes`);
}

function lookUp(code: number, at: number): Opcode {
  const found = opcodes.get(code);
  if (found === undefined) {
    throw new CheckpointError(`pickle opcode 0x${code.toString(16)} at byte ${at} is refused: no state dict needs it`);
  }
  return found;
}

function opcode(character: string, name: string, run: Opcode["run"]): [number, Opcode] {
  return [character.charCodeAt(0), { name, run }];
}

function checkProtocol(protocol: number): void {
  if (protocol > maxProtocol) throw new CheckpointError(`pickle protocol ${protocol} is newer than ${maxProtocol}`);
}
