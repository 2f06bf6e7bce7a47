import { assert, describe, expect, test } from "vitest";

import { ConfigurationError, InternalError } from "../../src/errors.js";
import { Scheduler, type Schedulable, type SchedulerLimits, type StepPlan } from "../../src/engine/scheduler.js";

interface Prompt extends Schedulable {
  readonly name: string;
  readonly tokenIds: number[];
}

/** A prompt of `promptTokens` tokens that no other has, or of `tokenIds`. */
function prompt(name: string, promptTokens: number, tokenIds = ownTokens(name, promptTokens)): Prompt {
  return {
    name,
    promptTokens,
    tokenIds: [...tokenIds],
    mayReusePrefix: true,
    cachedTokens: 0,
    reusedTokens: 0,
    slot: undefined,
  };
}

const ownTokens = (name: string, count: number): number[] =>
  Array.from({ length: count }, (_, i) => 1000 * name.charCodeAt(0) + i);

/**
 * `20:2>1, a 3>0, b[0,4)@2 | a - c`: 20 tokens are copied from slot 2 to 1, a moves from slot 3 to 0, b prefills [0, 4)
 * in slot 2; slots 0 and 2 decode, 1 is a hole. `| 4: a` decodes from slot 4 on.
 */
function show(plan: StepPlan<Prompt> | undefined): string {
  if (plan === undefined) return "nothing";
  const copies = plan.copies.map(({ from, to, tokens }) => `${tokens}:${from}>${to}`);
  const moves = plan.moves.map(({ sequence, from, to }) => `${sequence.name} ${from}>${to}`);
  const chunks = plan.prefills.map(({ sequence, slot, start, end }) => `${sequence.name}[${start},${end})@${slot}`);
  const decode = plan.decode.map((sequence) => sequence?.name ?? "-");
  const start = plan.decodeStart > 0 ? `${plan.decodeStart}: ` : "";
  return `${[...copies, ...moves, ...chunks].join(", ")} | ${start}${decode.join(" ")}`.trim();
}

function harness(limits: Partial<SchedulerLimits> = {}) {
  const scheduler = new Scheduler<Prompt>({
    prefillChunkTokens: 4,
    maxSequences: 100,
    slots: 4,
    prefixCacheTokens: 1000,
    reusablePositions: "prefilled",
    ...limits,
  });
  /** Plans, commits, prints the plan. */
  const step = (): string => {
    const plan = scheduler.planStep();
    if (plan !== undefined) run(scheduler, plan);
    return show(plan);
  };
  const add = (...sequences: Prompt[]): void => sequences.forEach((sequence) => scheduler.add(sequence));
  return { scheduler, add, step, steps: (n: number): string[] => Array.from({ length: n }, step) };
}

/** One running sequence in each slot, a letter each: "abc" has a in slot 0. Their prompts have one token. */
function running(names: string, limits: Partial<SchedulerLimits> = {}) {
  const sequences = Array.from(names, (name) => prompt(name, 1));
  const { scheduler, ...rest } = harness({ slots: names.length, ...limits });
  rest.add(...sequences);
  rest.steps(Math.ceil(names.length / 4)); // four prompts of one token share the budget of a step
  const remove = (...gone: string[]): void =>
    sequences.filter(({ name }) => gone.includes(name)).forEach((sequence) => scheduler.remove(sequence));
  return { scheduler, sequences, remove, ...rest };
}

/** Gives a token to each sequence that the plan decides one of, and commits the step. */
function run(scheduler: Scheduler<Prompt>, plan: StepPlan<Prompt>): void {
  const prefilled = plan.prefills.filter(({ isLast }) => isLast).map(({ sequence }) => sequence);
  for (const sequence of [...prefilled, ...plan.decode]) sequence?.tokenIds.push(-1);
  scheduler.commit(plan);
}

/** Plans what the caller has to run; fails the test when there is nothing to do. */
function planOf(scheduler: Scheduler<Prompt>): StepPlan<Prompt> {
  const plan = scheduler.planStep();
  assert(plan !== undefined, "there is nothing to plan");
  return plan;
}

test("plans nothing when there is nothing to do", () => {
  expect(harness().step()).toBe("nothing");
});

test("prefills a long prompt in chunks and still decodes every running sequence in each step", () => {
  const { add, steps } = harness();
  add(prompt("short", 4), prompt("long", 10));
  expect(steps(5)).toEqual([
    "short[0,4)@0 |",
    "long[0,4)@1 | short",
    "long[4,8)@1 | short",
    "long[8,10)@1 | short",
    "| short long",
  ]);
});

test("several short prompts share one step's budget", () => {
  const { add, steps } = harness({ prefillChunkTokens: 6 });
  add(prompt("a", 2), prompt("b", 1), prompt("c", 3), prompt("d", 2));
  expect(steps(3)).toEqual(["a[0,2)@0, b[0,1)@1, c[0,3)@2 |", "d[0,2)@3 | a b c", "| a b c d"]);
});

test("fills what short prompts leave of the budget with the beginning of a long one", () => {
  const { add, steps } = harness({ prefillChunkTokens: 6 });
  add(prompt("a", 2), prompt("long", 9));
  expect(steps(3)).toEqual(["a[0,2)@0, long[0,4)@1 |", "long[4,9)@1 | a", "| a long"]);
});

test("a short prompt does not overtake a long one that arrived before it", () => {
  const { add, steps } = harness();
  add(prompt("long", 9), prompt("short", 1));
  expect(steps(3)).toEqual(["long[0,4)@0 |", "long[4,8)@0 |", "long[8,9)@0, short[0,1)@1 |"]);
});

test("tells which chunk is the last of its prompt", () => {
  const { scheduler, add } = harness();
  add(prompt("a", 2), prompt("b", 6));
  expect(planOf(scheduler).prefills.map(({ isLast }) => isLast)).toEqual([true, false]);
});

test.each([
  ["a prompt of one token", 4, 1, ["a[0,1)@0 |"]],
  ["one token more than the budget", 4, 5, ["a[0,4)@0 |", "a[4,5)@0 |"]],
  ["a budget of one token", 1, 3, ["a[0,1)@0 |", "a[1,2)@0 |", "a[2,3)@0 |"]],
])("a chunk is as long as the budget and the prompt allow, down to one token: %s", (_, budget, tokens, expected) => {
  const { add, steps } = harness({ prefillChunkTokens: budget });
  add(prompt("a", tokens));
  expect(steps(expected.length + 1)).toEqual([...expected, "| a"]);
});

test("the last token of a step's budget begins the next prompt", () => {
  const { add, steps } = harness();
  add(prompt("a", 3), prompt("b", 2), prompt("c", 1));
  expect(steps(2)).toEqual(["a[0,3)@0, b[0,1)@1 |", "b[1,2)@1, c[0,1)@2 | a"]);
});

test("counts a decoded token as cached, and a sequence in its first decode from the prompt's end", () => {
  const { add, step } = harness();
  const a = prompt("a", 3);
  add(a);
  const cached = Array.from({ length: 3 }, () => (step(), a.cachedTokens));
  expect(cached).toEqual([3, 4, 5]);
});

test("sequences beyond the slots wait until one is free", () => {
  const { scheduler, add, step } = harness({ slots: 1 });
  const a = prompt("a", 2);
  add(a, prompt("b", 2));
  expect([step(), step()]).toEqual(["a[0,2)@0 |", "| a"]);
  scheduler.remove(a);
  expect([step(), step()]).toEqual(["b[0,2)@0 |", "| b"]);
});

test("a new sequence fills the lowest hole, without a move", () => {
  const { remove, add, step } = running("abcd");
  remove("b", "c");
  add(prompt("e", 2), prompt("f", 2));
  expect([step(), step()]).toEqual(["e[0,2)@1, f[0,2)@2 | a - - d", "| a e f d"]);
});

test("sequences move into the holes among the running, as few tokens as that takes", () => {
  const { remove, step } = running("abcdef");
  remove("a", "c", "e");
  expect([step(), step()]).toEqual(["f 5>2 | 1: b f d", "| 1: b f d"]);
});

test("a move copies what is cached, and comes in the same step as the decode in the new slot", () => {
  const { scheduler, remove, sequences, step } = running("abc");
  step();
  remove("b");
  expect(planOf(scheduler).moves).toEqual([{ sequence: sequences[2], from: 2, to: 1, tokens: 2 }]);
});

test("new sequences fill holes, moves fill the rest", () => {
  const { remove, add, step } = running("abcdef");
  remove("b", "d", "e");
  add(prompt("g", 2));
  expect([step(), step()]).toEqual(["f 5>3, g[0,2)@1 | a - c f", "| a g c f"]);
});

test("where the first of the running ended the decode begins higher, and nothing moves", () => {
  const { remove, step } = running("abcd");
  remove("a");
  expect(step()).toBe("| 1: b c d");
});

test("holes above the last running sequence cost nothing and move nothing", () => {
  const { remove, step } = running("abcd");
  remove("c", "d");
  expect(step()).toBe("| a b");
});

describe("where decodes cover few windows", () => {
  const padded = { slots: 16, paddedRowLength: 24, prefillChunkTokens: 80 };

  test("rows beside the running ones are run too, behind what they hold for later prompts", () => {
    const { scheduler, add, steps } = harness(padded);
    const [a, b] = [prompt("a", 20), prompt("b", 5)];
    add(a, b, prompt("c", 2), prompt("d", 3));
    steps(1);
    for (const sequence of [a, b]) scheduler.remove(sequence);
    const plan = scheduler.planStep();
    expect([show(plan), plan?.decodePositions]).toEqual(["| - - c d - - - -", [20, 5, 2, 3, 0, 0, 0, 0]]);
  });

  test("the window ends where it must not reach, and starts elsewhere than at the first row", () => {
    const { scheduler, add, steps } = harness(padded);
    const early = Array.from("abcdefgh", (name) => prompt(name, 1));
    add(...early, prompt("i", 2));
    steps(1);
    for (const sequence of early) scheduler.remove(sequence);
    expect(show(scheduler.planStep())).toBe("| 8: i - - - - - - -");
  });

  test("a row that has no room behind what it holds is left alone, with the padding", () => {
    const { scheduler, add, steps } = harness(padded);
    const full = prompt("a", 24);
    add(full, prompt("b", 1), prompt("c", 2));
    steps(1);
    scheduler.remove(full);
    expect(show(scheduler.planStep())).toBe("| 1: b c");
  });

  test("what a move leaves is kept until the step is over", () => {
    const { scheduler, add, steps } = harness({ ...padded, prefixCacheTokens: 0 });
    const [a, b, c] = [prompt("a", 3), prompt("b", 3), prompt("c", 4)];
    add(a, b, c);
    steps(1);
    scheduler.remove(b);
    const plan = scheduler.planStep();
    expect([show(plan), plan?.decodePositions.slice(0, 3)]).toEqual(["a 0>1 | - a c - - - - -", [3, 3, 4]]);
  });
});

test("the step that ran ahead has the rows of the last, one position further, with holes for those that are gone", () => {
  const { scheduler, sequences, remove } = running("abcd");
  const plan = scheduler.planStep();
  assert(plan !== undefined);
  run(scheduler, plan);
  remove("b");
  const [, , c] = sequences;
  const ahead = scheduler.planAhead(plan, (sequence) => sequence !== c);
  expect([show(ahead), ahead.decodePositions]).toEqual(["| a - - d", [2, 2, 2, 2]]);
  run(scheduler, ahead);
  expect(sequences.map(({ cachedTokens }) => cachedTokens)).toEqual([3, 2, 2, 3]);
  expect(show(scheduler.planStep())).toBe("d 3>1 | a d c");
});

test("a prefilling sequence is a hole in the decode, and is not moved", () => {
  const { scheduler, remove, add, steps } = running("abc");
  remove("b");
  const long = prompt("long", 12);
  add(long);
  expect(steps(1)).toEqual(["long[0,4)@1 | a - c"]);
  remove("a", "c");
  expect(steps(3)).toEqual(["long[4,8)@1 |", "long[8,12)@1 |", "| 1: long"]);
  expect([long.slot, scheduler.counts.freeSlots]).toEqual([1, 2]);
});

test("a dummy row writes behind the chunk of its step, a running one behind its tokens", () => {
  const { scheduler, remove, add, step } = running("abc");
  remove("b");
  add(prompt("long", 12));
  step();
  const { decode, decodePositions } = planOf(scheduler);
  expect(decode.map((sequence) => sequence?.name)).toEqual(["a", undefined, "c"]);
  expect(decodePositions).toEqual([2, 8, 2]);
});

test("planning changes nothing: the same plan comes again", () => {
  const { scheduler, remove, add } = running("abcde");
  remove("a", "c");
  add(prompt("f", 9));
  const before = scheduler.snapshot();
  const plans = [scheduler.planStep(), scheduler.planStep()];
  expect(plans[0]).toEqual(plans[1]);
  expect(scheduler.snapshot()).toEqual(before);
});

test("after a failed step the next plan is made without the sequences that failed", () => {
  const { scheduler, remove, add, step } = running("abc");
  const d = prompt("d", 4);
  remove("b");
  add(d, prompt("e", 4));
  expect(show(scheduler.planStep())).toBe("d[0,4)@1 | a - c");
  scheduler.remove(d);
  remove("c");
  expect(step()).toBe("e[0,4)@1 | a");
});

test("a first chunk whose sequence was removed while the model ran takes no slot", () => {
  const { scheduler, add, step } = harness();
  const [a, b] = [prompt("a", 2), prompt("b", 2)];
  add(a, b);
  const plan = planOf(scheduler);
  scheduler.remove(a);
  run(scheduler, plan);
  expect([a.slot, a.cachedTokens, b.slot]).toEqual([undefined, 0, 1]);
  expect(step()).toBe("| 1: b");
});

test("a prefilling sequence that is removed while the model ran does not come back", () => {
  const { scheduler, add, step } = harness();
  const a = prompt("a", 12);
  add(a);
  step();
  const plan = planOf(scheduler);
  scheduler.remove(a);
  run(scheduler, plan);
  expect([a.slot, a.cachedTokens, scheduler.counts.freeSlots, step()]).toEqual([undefined, 4, 4, "nothing"]);
});

test("a running sequence that is removed while the model ran is left as it was", () => {
  const { scheduler, remove, sequences } = running("ab");
  const plan = planOf(scheduler);
  remove("b");
  run(scheduler, plan);
  expect(sequences.map(({ slot, cachedTokens }) => [slot, cachedTokens])).toEqual([
    [0, 2],
    [undefined, 1],
  ]);
});

test("a moving sequence that is removed while the model ran leaves both slots free", () => {
  const { scheduler, remove, step } = running("abc");
  remove("b");
  const plan = planOf(scheduler);
  expect(show(plan)).toBe("c 2>1 | a c");
  remove("c");
  run(scheduler, plan);
  expect([scheduler.counts, step()]).toEqual([{ waiting: 0, prefilling: 0, running: 1, freeSlots: 2 }, "| a"]);
});

test("a slot freed while the model ran is not given away before the next step", () => {
  const { scheduler, remove, add, step } = running("ab", { slots: 3 });
  add(prompt("c", 2), prompt("d", 2));
  const plan = planOf(scheduler);
  remove("a");
  run(scheduler, plan);
  expect([show(plan), step(), step()]).toEqual(["c[0,2)@2 | a b", "d[0,2)@0 | 1: b c", "| d b c"]);
});

test("removing a sequence twice, or one that was never added, is harmless", () => {
  const { scheduler, remove, step } = running("ab");
  remove("b");
  remove("b");
  scheduler.remove(prompt("stranger", 3));
  expect(step()).toBe("| a");
});

test("a waiting sequence can be cancelled out of the middle of the queue", () => {
  const { scheduler, add, step } = harness({ slots: 2 });
  const [a, b, c] = [prompt("a", 2), prompt("b", 2), prompt("c", 2)];
  add(a, b, c);
  scheduler.remove(b);
  expect(step()).toBe("a[0,2)@0, c[0,2)@1 |");
});

test("counts the sequences in each state", () => {
  const { scheduler, add, step } = harness({ slots: 3 });
  add(prompt("a", 2), prompt("b", 9), prompt("c", 2), prompt("d", 2));
  const counts = [scheduler.counts, (step(), scheduler.counts), (step(), scheduler.counts)];
  expect(counts).toEqual([
    { waiting: 4, prefilling: 0, running: 0, freeSlots: 3 },
    { waiting: 2, prefilling: 1, running: 1, freeSlots: 1 },
    { waiting: 2, prefilling: 1, running: 1, freeSlots: 1 },
  ]);
});

test("refuses the sequence that would be one too many, waiting and owning slots together, and names the limit", () => {
  const { scheduler, add, step } = harness({ slots: 1, maxSequences: 2 });
  const a = prompt("a", 2);
  add(a, prompt("b", 3));
  step();
  expect(() => add(prompt("c", 3))).toThrow(expect.objectContaining({ kind: "over-capacity", limit: 2 }));
  scheduler.remove(a);
  expect(() => add(prompt("c", 3))).not.toThrow();
});

test("refuses to add a sequence that is in flight", () => {
  const { add, step } = harness();
  const a = prompt("a", 2);
  add(a);
  expect(() => add(a)).toThrow("a sequence that is in flight was added again");
  step();
  expect(() => add(a)).toThrow("a sequence that is in flight was added again");
});

test("refuses to add a sequence without a prompt, or one that ran before", () => {
  const { scheduler, add, step } = harness();
  const a = prompt("a", 2);
  add(a);
  step();
  scheduler.remove(a);
  expect(() => add(prompt("b", 0))).toThrow(InternalError);
  expect(() => add(a)).toThrow(InternalError);
});

test("a plan is committed once, and only when it is the newest", () => {
  const { scheduler, add } = harness();
  const a = prompt("a", 2);
  add(a);
  const [older, newer] = [planOf(scheduler), planOf(scheduler)];
  expect(() => scheduler.commit(older)).toThrow(InternalError);
  scheduler.commit(newer);
  expect(() => scheduler.commit(newer)).toThrow(InternalError);
  expect(a.cachedTokens).toBe(2);
});

test.each([{ prefillChunkTokens: 0 }, { prefillChunkTokens: 2.5 }, { maxSequences: 0 }, { slots: 0 }, { slots: NaN }])(
  "refuses the limit %o",
  (limit) => {
    expect(() => harness(limit)).toThrow(ConfigurationError);
  },
);

describe("a prompt that begins like an earlier one", () => {
  const shared = ownTokens("s", 20);
  const ending = (name: string, tokens = 4): Prompt =>
    prompt(name, 20 + tokens, [...shared, ...ownTokens(name, tokens)]);
  const wide = { prefillChunkTokens: 100 };

  /** A finished sequence has left the shared beginning in slot 0. */
  function afterOne(limits: Partial<SchedulerLimits> = {}) {
    const made = harness({ ...wide, ...limits });
    const first = ending("a");
    made.add(first);
    made.steps(2);
    made.scheduler.remove(first);
    return made;
  }

  test("starts behind what they share, in the row of the one that ended", () => {
    const { add, steps } = afterOne();
    const b = ending("b");
    add(b);
    expect(steps(2)).toEqual(["b[20,24)@0 |", "| b"]);
    expect([b.reusedTokens, b.cachedTokens]).toEqual([20, 25]);
  });

  test("starts behind a copy when that row is in use", () => {
    const { add, steps } = afterOne();
    add(ending("b"), ending("c"));
    expect(steps(2)).toEqual(["20:0>1, b[20,24)@0, c[20,24)@1 |", "| b c"]);
  });

  test("copies from the row of a sequence that still runs", () => {
    const { add, steps } = harness(wide);
    add(ending("a"));
    steps(1);
    add(ending("b"));
    expect(steps(1)).toEqual(["20:0>1, b[20,24)@1 | a"]);
  });

  test("runs its last token when all of it is known, because its logits are wanted", () => {
    const { add, steps } = afterOne();
    add(prompt("b", 20, shared));
    expect(steps(1)).toEqual(["b[19,20)@0 |"]);
  });

  test("starts at 0 when less than 16 tokens are shared", () => {
    const { add, steps } = afterOne();
    add(prompt("b", 19, [...shared.slice(0, 15), ...ownTokens("b", 4)]));
    expect(steps(1)).toEqual(["b[0,19)@1 |"]);
  });

  test("starts at 0 when the logits of all its positions are wanted", () => {
    const { add, steps } = afterOne();
    add({ ...ending("b"), mayReusePrefix: false });
    expect(steps(1)).toEqual(["b[0,24)@1 |"]);
  });

  test("starts at 0 when nothing is to be reused", () => {
    const { add, steps } = afterOne({ prefixCacheTokens: 0 });
    add(ending("b"));
    expect(steps(1)).toEqual(["b[0,24)@0 |"]);
  });

  test.each([
    ["prefilled", "b[24,31)@0 |"],
    ["all", "b[26,31)@0 |"],
  ] as const)("goes on from an answer as far as positions may be reused: %s", (reusablePositions, expected) => {
    const { scheduler, add, steps } = harness({ ...wide, reusablePositions });
    const a = prompt("a", 24);
    add(a);
    steps(3);
    expect(a.cachedTokens).toBe(26);
    scheduler.remove(a);
    add(prompt("b", 31, [...a.tokenIds, ...ownTokens("b", 4)]));
    expect(steps(1)).toEqual([expected]);
  });

  test("is not mistaken about a row that another took, or that a failed step may have written", () => {
    const { scheduler, add, steps } = afterOne({ slots: 1 });
    const other = prompt("o", 30);
    add(other);
    steps(1);
    scheduler.remove(other);
    add(ending("b"));
    expect(show(scheduler.planStep())).toBe("b[0,24)@0 |");
    scheduler.discard();
    expect(steps(1)).toEqual(["b[0,24)@0 |"]);
  });

  test("finds it in another row when the first is needed for a sequence that moves", () => {
    const { scheduler, add, steps } = harness({ ...wide, slots: 5 });
    const [a, b, c] = [prompt("a", 30), ending("b"), prompt("c", 30)];
    add(a, b, c);
    steps(2);
    scheduler.remove(b);
    expect(steps(1)).toEqual(["24:1>3, c 2>1 | a c"]);
    add(ending("d"));
    expect(steps(1)).toEqual(["20:3>2, d[20,24)@2 | a c"]);
  });
});

test("keeps what rows hold up to a number of tokens, and takes the row written longest ago beyond it", () => {
  const { scheduler, add, step } = harness({ prefillChunkTokens: 100, slots: 4, prefixCacheTokens: 50 });
  const slots = ["a", "b", "c", "d"].map((name) => {
    const sequence = prompt(name, 30);
    add(sequence);
    step();
    const { slot } = sequence;
    scheduler.remove(sequence);
    return slot;
  });
  expect(slots).toEqual([0, 1, 0, 1]);
});
