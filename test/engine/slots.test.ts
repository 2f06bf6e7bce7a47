import { expect, test } from "vitest";

import { InternalError } from "../../src/errors.js";
import { SlotPool, type SlotOwner } from "../../src/engine/slots.js";

const owner = (): SlotOwner => ({ slot: undefined });

test("a claimed slot names its owner, the owner names the slot, and both forget on release", () => {
  const pool = new SlotPool(2);
  const a = owner();
  pool.claim(1, a);
  expect([pool.owners, a.slot, pool.freeCount, pool.ownedCount]).toEqual([[undefined, a], 1, 1, 1]);
  pool.release(a);
  expect([pool.owners, a.slot, pool.freeCount, pool.ownedCount]).toEqual([[undefined, undefined], undefined, 2, 0]);
});

test("lists the free slots from the lowest", () => {
  const pool = new SlotPool(4);
  pool.claim(2, owner());
  pool.claim(0, owner());
  expect(pool.listFree()).toEqual([1, 3]);
});

test("a moved owner has its new slot and no longer the old one", () => {
  const pool = new SlotPool(3);
  const a = owner();
  pool.claim(2, a);
  pool.move(a, 0);
  expect([pool.owners, a.slot, pool.freeCount]).toEqual([[a, undefined, undefined], 0, 2]);
});

test("never gives a slot a second owner, and leaves both owners where they are", () => {
  const pool = new SlotPool(2);
  const [a, b] = [owner(), owner()];
  pool.claim(0, a);
  expect(() => pool.claim(0, b)).toThrow(InternalError);
  pool.claim(1, b);
  expect(() => pool.move(b, 0)).toThrow(InternalError);
  expect([pool.owners, a.slot, b.slot]).toEqual([[a, b], 0, 1]);
});

test("never gives an owner a second slot", () => {
  const pool = new SlotPool(2);
  const a = owner();
  pool.claim(0, a);
  expect(() => pool.claim(1, a)).toThrow(InternalError);
});

test("refuses slots that do not exist, and to move who has none", () => {
  const pool = new SlotPool(2);
  expect(() => pool.claim(2, owner())).toThrow("slot 2 of 2 does not exist");
  expect(() => pool.claim(-1, owner())).toThrow(InternalError);
  expect(() => pool.move(owner(), 0)).toThrow(InternalError);
});

test("releasing twice is harmless, releasing another's slot is refused", () => {
  const pool = new SlotPool(1);
  const a = owner();
  pool.claim(0, a);
  expect(() => pool.release({ slot: 0 })).toThrow(InternalError);
  pool.release(a);
  pool.release(a);
  expect(pool.freeCount).toBe(1);
});
