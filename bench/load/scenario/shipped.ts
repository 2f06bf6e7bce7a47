import { evaluationText } from "../../../src/model/evaluation/evaluation-text.js";
import { readScenario, type Scenario } from "./scenario.js";

/** As an operator would write them in a file. */
const shipped = [
  {
    name: "interactive",
    about: "A short question, an answer of a few sentences",
    seconds: 30,
    traffic: [{ clients: 8, promptTokens: 128, completionTokens: 64 }],
  },
  {
    name: "long-prompt",
    about: "A long text, a short answer: prefill",
    seconds: 30,
    traffic: [{ clients: 4, promptTokens: 900, completionTokens: 32 }],
    slo: { firstTokenMs: 3000, tokenMs: 100 },
  },
  {
    name: "shared-prefix",
    about: "The same 512 tokens of instructions before every question",
    seconds: 30,
    traffic: [{ clients: 8, sharedTokens: 512, promptTokens: 32, completionTokens: 32 }],
  },
  {
    name: "burst",
    about: "64 short requests at once, every 10 s",
    seconds: 30,
    warmUpSeconds: 0,
    traffic: [{ burst: 64, everySeconds: 10, promptTokens: 32, completionTokens: 16 }],
    slo: { firstTokenMs: 3000, tokenMs: 200 },
  },
  {
    name: "mixed",
    about: "Long prompts that arrive while 16 streams decode",
    seconds: 30,
    traffic: [
      { name: "streams", clients: 16, promptTokens: 32, completionTokens: 256 },
      { name: "long prompts", perSecond: 0.5, promptTokens: 700, completionTokens: 8 },
    ],
    slo: { firstTokenMs: 3000, tokenMs: 150 },
  },
  {
    name: "summarise",
    about: "A passage to sum up, one client: what guessing from the text is worth (--prompt-lookup)",
    seconds: 30,
    traffic: [
      {
        clients: 1,
        promptTokens: 400,
        completionTokens: 96,
        passages: { text: evaluationText, ending: "\n\nIn short:" },
      },
    ],
  },
  {
    name: "sweep",
    about: "1 to 256 clients",
    seconds: 30,
    warmUpSeconds: 5,
    traffic: [{ clients: 1, promptTokens: 128, completionTokens: 48 }],
    sweepClients: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  },
  {
    name: "saturation",
    about: "The highest rate of independent requests at which 95% are answered in time",
    seconds: 15,
    traffic: [
      {
        perSecond: 1,
        promptTokens: { median: 96, sigma: 0.6, from: 8, to: 320 },
        completionTokens: { median: 32, sigma: 0.5, from: 4, to: 128 },
      },
    ],
    saturation: { fromPerSecond: 1, precision: 0.1 },
  },
  {
    name: "smoke",
    about: "Two seconds of everything: whether the harness works; its figures mean nothing",
    seconds: 2,
    warmUpSeconds: 0.2,
    traffic: [
      { name: "closed", clients: 2, promptTokens: 24, completionTokens: 8 },
      { name: "poisson", perSecond: 8, sharedTokens: 16, sharedPrefixes: 2, promptTokens: 8, completionTokens: 6 },
      {
        name: "burst",
        burst: 4,
        everySeconds: 0.5,
        promptTokens: { from: 4, to: 12 },
        completionTokens: { median: 6, sigma: 0.4, from: 2, to: 10 },
        sampling: { temperature: 0.9, topP: 0.95 },
      },
    ],
    slo: { firstTokenMs: 60_000, tokenMs: 60_000 },
  },
];

export const shippedScenarios: readonly Scenario[] = shipped.map(readScenario);
