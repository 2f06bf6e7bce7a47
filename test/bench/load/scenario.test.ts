import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { describeTraffic } from "../../../bench/load/scenario/describe.js";
import { dueTimes } from "../../../bench/load/scenario/arrivals.js";
import { drawLength, type Length } from "../../../bench/load/scenario/length.js";
import { phaseAtRate, phasesOf } from "../../../bench/load/scenario/phases.js";
import { readScenario } from "../../../bench/load/scenario/scenario.js";
import { shippedScenarios } from "../../../bench/load/scenario/shipped.js";

/** Gives these numbers, one after the other. */
function scripted(...numbers: number[]): () => number {
  const rest = [...numbers];
  return () => rest.shift() ?? NaN;
}

describe("a length", () => {
  test("that is fixed is always the same", () => {
    expect(drawLength({ kind: "fixed", tokens: 128 }, scripted())).toBe(128);
  });

  test("that is uniform takes every number of the range, both ends included", () => {
    const length: Length = { kind: "uniform", from: 16, to: 19 };
    const draws = [0, 0.24, 0.26, 0.5, 0.75, 0.999].map((number) => drawLength(length, () => number));
    expect(draws).toEqual([16, 16, 17, 18, 19, 19]);
  });

  // 1 - e^(-1/2) gives the radius 1; the angle 0, 1/4 and 1/2 of a turn its cosines 1, 0 and -1.
  const radius1 = 1 - Math.exp(-0.5);
  const lognormal: Length = { kind: "lognormal", median: 100, sigma: Math.LN2, from: 10, to: 180 };

  test.each([
    [0.25, 100],
    [0.5, 50],
    [0, 180], // 200, moved to the end of the range
  ])("that is lognormal is its median, and a factor of e^sigma to either side: turn %d gives %d", (turn, expected) => {
    expect(drawLength(lognormal, scripted(radius1, turn))).toBe(expected);
  });
});

describe("arrivals of an open loop", () => {
  test("that are independent have exponential gaps", () => {
    // -ln(1 - u) is 1, 2 and 4: at 2 a second, gaps of 0.5, 1 and 2 s. The last is due after the end.
    const random = scripted(1 - Math.exp(-1), 1 - Math.exp(-2), 1 - Math.exp(-4));
    const times = dueTimes({ kind: "poisson", perSecond: 2 }, 2000, random);
    expect(times.map(Math.round)).toEqual([500, 1500]);
  });

  test("that are bursts come together, from the start on", () => {
    expect(dueTimes({ kind: "burst", size: 2, everySeconds: 0.5 }, 1200, scripted())).toEqual([
      0, 0, 500, 500, 1000, 1000,
    ]);
  });
});

describe("a scenario", () => {
  const traffic = { clients: 2, promptTokens: 8, completionTokens: { from: 2, to: 4 } };
  const scenario = { name: "own", seconds: 5, traffic: [traffic] };

  test("is read with defaults", () => {
    expect(readScenario(scenario)).toMatchObject({
      name: "own",
      warmUpSeconds: 3,
      slo: { firstTokenMs: 1000, tokenMs: 100, share: 0.95 },
      traffic: [
        {
          arrival: { kind: "closed", clients: 2 },
          promptTokens: { kind: "fixed", tokens: 8 },
          completionTokens: { kind: "uniform", from: 2, to: 4 },
          sharedTokens: 0,
        },
      ],
    });
  });

  const wrong: [what: string, json: unknown, message: string][] = [
    [
      "no way to arrive",
      { ...scenario, traffic: [{ ...traffic, clients: undefined }] },
      "traffic[0] must have exactly one",
    ],
    [
      "two ways to arrive",
      { ...scenario, traffic: [{ ...traffic, perSecond: 2 }] },
      "traffic[0] must have exactly one",
    ],
    [
      "a misspelt field",
      { ...scenario, traffic: [{ ...traffic, promptToken: 8 }] },
      "traffic[0].promptToken is no field",
    ],
    ["a misspelt field at the top", { ...scenario, second: 5 }, "second is no field"],
    ["no traffic", { ...scenario, traffic: [] }, "traffic must be an array of 1 to 16 items"],
    ["no time", { ...scenario, seconds: 0 }, "seconds must be a number in (0, 1000000]"],
    [
      "an empty range",
      { ...scenario, traffic: [{ ...traffic, promptTokens: { from: 9, to: 8 } }] },
      "traffic[0].promptTokens must have from at most to, got 9 and 8",
    ],
  ];
  test.each(wrong)("with %s is refused, and the field is named", (_, json, message) => {
    expect(() => readScenario(json)).toThrow(message);
  });

  test("is described in words", () => {
    const { traffic } = readScenario({
      name: "x",
      seconds: 1,
      traffic: [
        { clients: 1, sharedTokens: 512, promptTokens: 32, completionTokens: { from: 2, to: 4 } },
        {
          ...{ name: "long", perSecond: 0.5, sharedTokens: 8, sharedPrefixes: 2 },
          ...{ promptTokens: { median: 96, sigma: 0.6, from: 8, to: 512 }, completionTokens: 8 },
          sampling: { temperature: 0.9 },
        },
      ],
    });
    expect(traffic.map(describeTraffic)).toEqual([
      "1 client: 512 shared + 32 tokens in, 2 to 4 out",
      "long: 0.5 requests/s: 8 shared (2 different) + 8 to 512 (median 96) tokens in, 8 out, sampled at temperature 0.9",
    ]);
  });

  test("that sweeps has a phase for each number of clients, and any other one phase", () => {
    const read = readScenario({ ...scenario, sweepClients: [1, 8] });
    expect(phasesOf(read).map(({ label, x, traffic }) => [label, x, traffic[0]?.arrival])).toEqual([
      ["1 client", 1, { kind: "closed", clients: 1 }],
      ["8 clients", 8, { kind: "closed", clients: 8 }],
    ]);
    expect(phasesOf(readScenario(scenario)).map(({ label, x }) => [label, x])).toEqual([["", undefined]]);
  });

  test("that seeks a rate changes how the first traffic arrives", () => {
    const read = readScenario({ ...scenario, traffic: [traffic, { ...traffic, name: "other" }] });
    expect(phaseAtRate(read, 2.5).traffic.map(({ arrival }) => arrival)).toEqual([
      { kind: "poisson", perSecond: 2.5 },
      { kind: "closed", clients: 2 },
    ]);
  });
});

test("the scenario in the documentation is one", () => {
  const [, json = ""] = /```json\n(.*?)```/s.exec(readFileSync("docs/benchmarking.md", "utf8")) ?? [];
  expect(readScenario(JSON.parse(json)).traffic.map(({ name }) => name)).toEqual(["people", "job"]);
});

test("the shipped scenarios are what the documentation says", () => {
  const facts = shippedScenarios.map(({ name, traffic }) => `${name}: ${traffic.map(describeTraffic).join("; ")}`);
  expect(facts.slice(0, 7)).toEqual([
    "interactive: 8 clients: 128 tokens in, 64 out",
    "long-prompt: 4 clients: 900 tokens in, 32 out",
    "shared-prefix: 8 clients: 512 shared + 32 tokens in, 32 out",
    "burst: 64 at once every 10 s: 32 tokens in, 16 out",
    "mixed: streams: 16 clients: 32 tokens in, 256 out; long prompts: 0.5 requests/s: 700 tokens in, 8 out",
    "summarise: 1 client: 400 tokens of a text in, 96 out",
    "sweep: 1 client: 128 tokens in, 48 out",
  ]);
  expect(shippedScenarios.find(({ name }) => name === "sweep")?.sweepClients?.at(-1)).toBe(256);
});
