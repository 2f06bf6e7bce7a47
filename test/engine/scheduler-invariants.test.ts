/**
 * Every rule of the scheduler in every step of a random load; and the other way round: a scheduler with a
 * fault must be caught, or the rules prove nothing.
 */
import { expect, test } from "vitest";

import { Scheduler } from "../../src/engine/scheduler.js";
import { Simulation, type FakeSequence, type Plan, type Variant } from "../support/scheduler-simulation.js";

/** A run proves nothing about a situation that it hardly met. */
const situationsToMeet = [
  "finished",
  "refused",
  "finished with a reused prefix",
  "prefix copied",
  "prefix in place",
  "prefix rescued",
  "failed step",
  "move",
  "hole",
  "padding",
  "run ahead",
  "run ahead of some",
  "shared budget",
  "padded chunk",
  ...["waiting", "prefilling", "running"].flatMap((state) => [
    `cancelled before the step, ${state}`,
    `cancelled while the model ran, ${state}`,
  ]),
];

test("every rule holds in every step of a random load, and all that is not cancelled finishes", () => {
  const situations = new Map<string, number>();
  for (let seed = 0; seed < 80; seed++) {
    const simulation = new Simulation(seed, {}, situations).run(300);
    expect(simulation.faults, simulation.describe()).toEqual([]);
  }
  const rarelyMet = situationsToMeet.filter((situation) => (situations.get(situation) ?? 0) < 100);
  expect(rarelyMet).toEqual([]);
});

/** The faults that a broken scheduler shows in some runs, each up to its first faulty step. */
function faultsOf(variant: Variant): string {
  const runs = Array.from({ length: 60 }, (_, seed) => new Simulation(seed, variant).run(300).describe());
  return runs.join("\n");
}

class LastComeFirstServed extends Scheduler<FakeSequence> {
  override add(sequence: FakeSequence): void {
    const waiting = this.snapshot().waiting.map((entry) => entry.sequence);
    for (const earlier of waiting) this.remove(earlier);
    super.add(sequence);
    for (const earlier of waiting) super.add(earlier);
  }
}

class PlansWithSideEffects extends Scheduler<FakeSequence> {
  override planStep(): Plan | undefined {
    const plan = super.planStep();
    for (const { sequence, end } of plan?.prefills ?? []) sequence.cachedTokens = end;
    return plan;
  }
}

class KeepsCancelledSlots extends Scheduler<FakeSequence> {
  override remove(sequence: FakeSequence): void {
    if (sequence.slot === undefined) super.remove(sequence);
  }
}

class ResurrectsRemoved extends Scheduler<FakeSequence> {
  override commit(plan: Plan): void {
    super.commit(plan);
    for (const { sequence, slot } of plan.prefills) sequence.slot = slot;
  }
}

class ForgetsToCount extends Scheduler<FakeSequence> {
  override commit(plan: Plan): void {
    super.commit(plan);
    const last = plan.decode.at(-1);
    if (last !== undefined) last.cachedTokens -= 1;
  }
}

class GivesUpWhenFull extends Scheduler<FakeSequence> {
  override planStep(): Plan | undefined {
    return this.counts.freeSlots === 0 ? undefined : super.planStep();
  }
}

class RunsAllAhead extends Scheduler<FakeSequence> {
  override planAhead(plan: Plan): Plan {
    return super.planAhead(plan, () => true);
  }
}

class RunsAheadInPlace extends Scheduler<FakeSequence> {
  override planAhead(plan: Plan, goesOn: (sequence: FakeSequence) => boolean): Plan {
    return super.planAhead({ ...plan, decodePositions: plan.decodePositions.map((position) => position - 1) }, goesOn);
  }
}

class ForgetsNoFailure extends Scheduler<FakeSequence> {
  override discard(): void {
    // keeps what it believes
  }
}

const withFirstChunk = (
  plan: Plan,
  change: (chunk: Plan["prefills"][number]) => Partial<Plan["prefills"][number]>,
): Plan => ({
  ...plan,
  prefills: plan.prefills.map((chunk, i) => (i === 0 ? { ...chunk, ...change(chunk) } : chunk)),
});

const broken: Record<string, Variant & { readonly caughtAs: RegExp }> = {
  "serves the last first": {
    create: (limits) => new LastComeFirstServed(limits),
    caughtAs: /not prefilled in the order of arrival/,
  },
  "changes state while planning": {
    create: (limits) => new PlansWithSideEffects(limits),
    caughtAs: /planning changed the state/,
  },
  "does not free the slot of a removed sequence": {
    create: (limits) => new KeepsCancelledSlots(limits),
    caughtAs: /a removed sequence has a slot or is counted on/,
  },
  "gives a slot to a sequence removed while the model ran": {
    create: (limits) => new ResurrectsRemoved(limits),
    caughtAs: /a removed sequence has a slot or is counted on/,
  },
  "does not count a decoded token": {
    create: (limits) => new ForgetsToCount(limits),
    caughtAs: /commit counts other tokens/,
  },
  "stands still when all slots are owned": {
    create: (limits) => new GivesUpWhenFull(limits),
    caughtAs: /a step is planned exactly when there is work/,
  },
  "leaves a running sequence out of the decode": {
    corrupt: (plan) => ({ ...plan, decode: plan.decode.slice(1), decodePositions: plan.decodePositions.slice(1) }),
    caughtAs: /decode is not over the running sequences/,
  },
  "prefills nothing while something runs": {
    corrupt: (plan) => (plan.decode.length > 0 ? { ...plan, prefills: [] } : plan),
    caughtAs: /budget are left while a prompt could use them/,
  },
  "prefills a whole prompt at once": {
    corrupt: (plan) => withFirstChunk(plan, ({ sequence }) => ({ end: sequence.promptTokens, isLast: true })),
    caughtAs: /the prefill budget is exceeded/,
  },
  "makes a chunk one token shorter than it can be": {
    corrupt: (plan) => withFirstChunk(plan, ({ end }) => ({ end: end - 1, isLast: false })),
    caughtAs: /budget are left while a prompt could use them/,
  },
  "skips a prompt token": {
    corrupt: (plan) => withFirstChunk(plan, ({ start }) => ({ start: start + 1 })),
    caughtAs: /does not hold/,
  },
  "prefills into a slot that is owned": {
    corrupt: (plan) => withFirstChunk(plan, () => ({ slot: 0 })),
    caughtAs: /a new sequence is given an owned slot/,
  },
  "does not copy the sequences that it moves": {
    corrupt: (plan) => ({ ...plan, moves: [] }),
    caughtAs: /does not hold/,
  },
  "copies a token less than is cached": {
    corrupt: (plan) => ({ ...plan, moves: plan.moves.map((move) => ({ ...move, tokens: move.tokens - 1 })) }),
    caughtAs: /does not hold/,
  },
  "lets dummy rows write at cachedTokens, where this step's chunk is": {
    corrupt: (plan) => ({
      ...plan,
      decodePositions: plan.decodePositions.map(
        (position, i) => plan.prefills.find(({ slot }) => slot === i)?.start ?? position,
      ),
    }),
    caughtAs: /does not hold/,
  },
  "lets the rows that pad a decode write from their beginning": {
    corrupt: (plan) => ({
      ...plan,
      decodePositions: plan.decodePositions.map((position, i) => (plan.decode[i] === undefined ? 0 : position)),
    }),
    caughtAs: /does not hold/,
  },
  "does not copy the prefixes that it promises": {
    corrupt: (plan) => ({ ...plan, copies: [] }),
    caughtAs: /does not hold/,
  },
  "runs a sequence ahead with a token that is not its newest": {
    create: (limits) => new RunsAllAhead(limits),
    caughtAs: /another token than the newest is run ahead/,
  },
  "runs ahead at the positions of the step before": {
    create: (limits) => new RunsAheadInPlace(limits),
    caughtAs: /does not hold/,
  },
  "reuses what a failed step may have overwritten": {
    create: (limits) => new ForgetsNoFailure(limits),
    caughtAs: /does not hold/,
  },
  "reuses what decode wrote where that is another number": {
    create: (limits) => new Scheduler<FakeSequence>({ ...limits, reusablePositions: "all" }),
    caughtAs: /does not hold/,
  },
  "scatters new sequences": {
    corrupt: (plan) =>
      plan.decode.length === 0
        ? plan
        : withFirstChunk(plan, ({ sequence, slot }) => ({ slot: sequence.slot ?? slot + 4 })),
    caughtAs: /a new sequence is given a slot far from the others/,
  },
};

test.each(Object.entries(broken))("the checks catch a scheduler that %s", (_, { caughtAs, ...variant }) => {
  expect(faultsOf(variant)).toMatch(caughtAs);
});
