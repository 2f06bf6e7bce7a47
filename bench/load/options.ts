import { decimal, integer, listOf, oneOf, text, toggle } from "../../src/config/kinds.js";
import type { Option, OptionTable, Values } from "../../src/config/options.js";
import type { ValueKind } from "../../src/config/kinds.js";
import { madeCheckpoints } from "./made-checkpoint.js";
import { apis } from "./targets/target.js";

/** An option that has a meaning for this command only. */
function flag<T>(group: string, kind: ValueKind<T>, doc: string): Option<T> & { readonly default: undefined } {
  return { kind, default: undefined, group, doc, isFlagOnly: true };
}

const what = "What is measured";
const overrides = "In place of what the scenario says (of its first traffic)";
const access = "How to reach a server that runs already";
const output = "Report";

const positive = decimal(0.001, 1e6, "N");
const count = integer(1, 65_535);
const tokens = integer(1, 1_048_576);

export const loadOptionTable = {
  scenario: {
    ...flag(what, text("NAME|FILE"), "A scenario by name, or a JSON file with one (docs/benchmarking.md)."),
    default: "interactive",
  },
  target: flag(
    what,
    listOf(text("API=ADDRESS")),
    "A server that runs already: tgis=HOST:PORT, caikit=HOST:PORT, openai=URL or tgi=URL. May be repeated: they are measured in turn. Without one, a server is started here.",
  ),
  api: flag(what, listOf(oneOf(apis)), "API of the server that is started here. May be repeated. Default: tgis."),
  model: flag(
    what,
    text("PATH"),
    "Model of the server that is started here. Default: the model that ships with Ortler.",
  ),
  checkpoint: flag(
    what,
    oneOf(madeCheckpoints),
    "Serve a GPT-2 of 124 million parameters instead, made on first use (0.5 GB): 124m has random weights, widened says what the model that ships says.",
  ),
  serverArg: flag(
    what,
    listOf(text("ARG")),
    "Another argument of `ortler serve`, e.g. --server-arg=--max-slots=8. May be repeated.",
  ),
  seed: { ...flag(what, integer(0, 65_535), "The same seed gives the same requests."), default: 1 },
  timeoutSeconds: { ...flag(what, positive, "A request that takes longer has failed."), default: 300 },
  clientProcesses: { ...flag(what, integer(1, 64), "Processes that the clients are spread over."), default: 1 },

  seconds: flag(overrides, positive, "Seconds that are measured, in each phase."),
  warmUpSeconds: flag(overrides, decimal(0, 1e6, "N"), "Seconds before those, which are not."),
  clients: flag(overrides, count, "A closed loop of so many clients."),
  rate: flag(overrides, positive, "An open loop of so many requests a second."),
  promptTokens: flag(overrides, tokens, "Tokens of each prompt."),
  completionTokens: flag(overrides, tokens, "Tokens of each completion."),
  sharedTokens: flag(overrides, integer(0, 1_048_576), "Tokens that all prompts begin with."),
  sloFirstTokenMs: flag(overrides, positive, "Objective: milliseconds to the first token."),
  sloTokenMs: flag(overrides, positive, "Objective: milliseconds from one token to the next, on average of a request."),

  tls: flag(access, toggle(), "gRPC targets speak TLS. Any of the four options below says so too."),
  ca: flag(access, text("FILE"), "Authorities that vouch for the server, in PEM."),
  cert: flag(access, text("FILE"), "Certificate to show (mutual TLS), in PEM; needs --key."),
  key: flag(access, text("FILE"), "Its private key, in PEM."),
  insecure: flag(access, toggle(), "Take any certificate."),
  apiKey: {
    kind: text("KEY"),
    default: undefined,
    group: access,
    doc: "Key to send. Better given in the environment, where other users do not see it.",
    isSecret: true,
  },
  modelId: flag(
    access,
    text("ID"),
    "Name of the model in requests. Default: what an OpenAI API lists first; `model` elsewhere.",
  ),
  tokenizer: flag(
    access,
    text("PATH"),
    "Folder with the served model's tokenizer: prompts have then exactly the tokens asked for. Else they are common words, and the server's counts tell.",
  ),
  metrics: flag(
    access,
    listOf(text("URL")),
    "The server's metrics, e.g. http://HOST:3000/metrics. Repeated: one for each target, in their order.",
  ),
  serverPid: flag(
    access,
    listOf(integer(1, 2 ** 31 - 1)),
    "Process of a server on this machine, whose CPU and memory are watched. Repeated: one for each target, in their order.",
  ),

  json: flag(output, text("FILE"), "Write the report as JSON."),
  html: flag(output, text("FILE"), "Write the report as one page with plots."),
  smoke: flag(output, toggle(), "Two seconds of everything through every API: fails only when the harness is broken."),
} as const satisfies OptionTable;

export type LoadOptions = Values<typeof loadOptionTable>;
