import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Environment } from "../../src/config/environment.js";
import { foreignSettings } from "../../src/config/foreign.js";
import { loadOptions } from "../../src/config/load.js";
import { environmentNames, flagName, type OptionTable } from "../../src/config/options.js";
import { settings, type Config } from "../../src/config/settings.js";
import { ConfigurationError } from "../../src/errors.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ortler-config-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const load = (args: readonly string[], environment: Environment = {}) =>
  loadOptions({ table: settings, args, environment, foreignSettings });

/** Writes a settings file and gives its path. */
function file(content: string): string {
  const path = join(folder, "settings.json");
  writeFileSync(path, content);
  return path;
}

/** The message of the error that stops the start, with the file's folder left out. */
function refusal(args: readonly string[], environment: Environment = {}): string {
  try {
    load(args, environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message.replaceAll(`${folder}/`, "");
    throw error;
  }
  return "accepted";
}

test("without flags, environment and file every setting has its default, and its source says so", () => {
  const { values, sources, warnings, positionals } = load([]);
  expect(values).toEqual(Object.fromEntries(Object.entries(settings).map(([key, option]) => [key, option.default])));
  expect(new Set(Object.values(sources))).toEqual(new Set(["default"]));
  expect({ warnings, positionals }).toEqual({ warnings: [], positionals: [] });
});

test("flags win over the environment, the environment over the file, the file over the default", () => {
  const path = file('{ "maxSlots": 2, "threads": 2, "grpcPort": 2, "spin": false }');
  const { values, sources } = load(["--config", path, "--max-slots=4"], { ORTLER_MAX_SLOTS: "3", ORTLER_THREADS: "3" });
  expect(values).toMatchObject({ maxSlots: 4, threads: 3, grpcPort: 2, spin: false, maxNewTokens: 1024 });
  expect(sources).toMatchObject({
    maxSlots: "--max-slots",
    threads: "ORTLER_THREADS",
    grpcPort: `grpcPort in ${path}`,
    maxNewTokens: "default",
  });
});

test("the file may be named by the environment", () => {
  expect(load([], { ORTLER_CONFIG: file('{ "maxSlots": 7 }') }).values.maxSlots).toBe(7);
});

test("the values are frozen", () => {
  expect(Object.isFrozen(load([]).values)).toBe(true);
});

describe("what is accepted", () => {
  const rows: [what: string, args: string[], environment: Environment, expected: Partial<Config>][] = [
    ["the last of a repeated flag", ["--max-slots", "1", "--max-slots=2"], {}, { maxSlots: 2 }],
    ["a bad value that a later one replaces", ["--max-slots=x", "--max-slots=2"], {}, { maxSlots: 2 }],
    ["the last of a flag and its alias", ["--max-slots", "1", "--max-batch-size", "2"], {}, { maxSlots: 2 }],
    ["a switch", ["--no-spin", "--spin"], {}, { spin: true }],
    ["a switch with a value", ["--spin=FALSE"], {}, { spin: false }],
    ["a negated switch", ["--no-spin"], {}, { spin: false }],
    ["a negated alias", ["--no-default-include-stop-seqs"], {}, { defaultIncludeStopSequences: false }],
    [
      "a switch as TGIS writes it",
      ["--default-include-stop-seqs", "false"],
      {},
      { defaultIncludeStopSequences: false },
    ],
    ["an equals sign in a value", ["--model=/models/a=b"], {}, { model: "/models/a=b" }],
    ["a negative value, to be judged by its rule", ["--host", "-1"], {}, { host: "-1" }],
    ["our own name before an alias", [], { ORTLER_MAX_SLOTS: "1", MAX_BATCH_SIZE: "2" }, { maxSlots: 1 }],
    ["the alias of an empty variable", [], { ORTLER_MAX_SLOTS: "", MAX_BATCH_SIZE: "2" }, { maxSlots: 2 }],
    ["an empty variable as not set", [], { MAX_NEW_TOKENS: "" }, { maxNewTokens: 1024 }],
    ["a number with a line break, as secrets have", [], { MAX_NEW_TOKENS: "5\n" }, { maxNewTokens: 5 }],
    ["TGIS's folder", ["--model-name=/mnt/models/artifacts/"], {}, { model: "/mnt/models/artifacts/" }],
    ["TGIS's half precision, which leaves the choice", ["--dtype-str=float16"], {}, { dtype: "default" }],
    ["TGIS's variable for it", [], { DTYPE: "float16" }, { dtype: "default" }],
    ["float16 by our own name", [], { ORTLER_DTYPE: "float16" }, { dtype: "float16" }],
    ["a device in any case", ["--device=CUDA:1"], {}, { device: "cuda:1" }],
    ["TGIS's quantisation", [], { QUANTIZE: "bitsandbytes" }, { dtype: "int8" }],
    ["MAX_SEQUENCE_LENGTH", [], { MAX_SEQUENCE_LENGTH: "512" }, { maxSequenceLength: 512 }],
    ["MAX_CONCURRENT_REQUESTS", [], { MAX_CONCURRENT_REQUESTS: "64" }, { maxConcurrentRequests: 64 }],
    ["RUNTIME_GRPC_PORT", [], { RUNTIME_GRPC_PORT: "9000" }, { grpcPort: 9000 }],
    ["TGIS_REQUEST_TIMEOUT", [], { TGIS_REQUEST_TIMEOUT: "1.5" }, { requestTimeoutSeconds: 1.5 }],
    ["DEFAULT_INCLUDE_STOP_SEQS", [], { DEFAULT_INCLUDE_STOP_SEQS: "false" }, { defaultIncludeStopSequences: false }],
    [
      "Caikit's grace period",
      [],
      { RUNTIME_GRPC_SERVER_SHUTDOWN_GRACE_PERIOD_SECONDS: "10" },
      { shutdownGraceSeconds: 10 },
    ],
    [
      "Caikit's words for logs",
      [],
      { LOG_LEVEL: "WARNING", LOG_FORMATTER: "pretty" },
      { logLevel: "warn", logFormat: "text" },
    ],
    ["TGIS's variable for logs", [], { JSON_OUTPUT: "true" }, { logFormat: "json" }],
    ["TGIS's switch for logs", ["--json-output", "--max-slots=2"], {}, { logFormat: "json", maxSlots: 2 }],
    [
      "TGIS's TLS files",
      ["--tls-key-path=/k"],
      { TLS_CERT_PATH: "/c", TLS_CLIENT_CA_CERT_PATH: "/a" },
      { tlsCert: "/c", tlsKey: "/k", tlsClientCa: "/a" },
    ],
    [
      "Caikit's TLS files",
      [],
      { RUNTIME_TLS_SERVER_CERT: "/c", RUNTIME_TLS_SERVER_KEY: "/k", RUNTIME_TLS_CLIENT_CERT: "/a" },
      { tlsCert: "/c", tlsKey: "/k", tlsClientCa: "/a" },
    ],
    ["binary units", ["--kv-memory=2Gi"], {}, { kvMemory: 2_147_483_648 }],
    ["decimal units", ["--kv-memory=1.5G"], {}, { kvMemory: 1_500_000_000 }],
    ["bytes", ["--kv-memory", "1048576"], {}, { kvMemory: 1_048_576 }],
  ];
  test.each(rows)("%s", (_what, args, environment, expected) => {
    expect(load(args, environment).values).toMatchObject(expected);
  });
});

describe("what stops the start, and how it names itself", () => {
  const rows: [args: string[], environment: Environment, message: string][] = [
    [["--max-slot", "3"], {}, "unknown flag --max-slot; did you mean --max-slots?"],
    [["--max-slot=3"], {}, "unknown flag --max-slot; did you mean --max-slots?"],
    [["--frobnicate"], {}, "unknown flag --frobnicate"],
    [["--no-max-slots"], {}, "unknown flag --no-max-slots; did you mean --max-slots?"],
    [["-p", "3000"], {}, "unknown flag -p"],
    [["--model"], {}, "--model needs a value"],
    [["--model", "--grpc-port=1"], {}, "--model needs a value"],
    [["--max-slots="], {}, '--max-slots must be an integer from 1 to 4096, got ""'],
    [["--max-batch-size=0"], {}, '--max-batch-size must be an integer from 1 to 4096, got "0"'],
    [["--grpc-port", "65536"], {}, '--grpc-port must be an integer from 0 to 65535, got "65536"'],
    [["--grpc-port", "8e3"], {}, '--grpc-port must be an integer from 0 to 65535, got "8e3"'],
    [["--spin=yes"], {}, '--spin must be true or false, got "yes"'],
    [["--device=gpu"], {}, '--device must be cpu, cuda, cuda:N or auto, got "gpu"'],
    [["--log-format=xml"], {}, '--log-format must be one of auto, text, json, got "xml"'],
    [["--kv-memory=2GiB5"], {}, '--kv-memory must be a number of bytes such as 1073741824, 1Gi or 500M, got "2GiB5"'],
    [["--kv-memory=2i"], {}, '--kv-memory must be a number of bytes such as 1073741824, 1Gi or 500M, got "2i"'],
    [["--request-timeout-seconds=-1"], {}, '--request-timeout-seconds must be a number from 0 to 2147483, got "-1"'],
    [["--request-timeout-seconds=1s"], {}, '--request-timeout-seconds must be a number from 0 to 2147483, got "1s"'],
    [[], { MAX_BATCH_SIZE: "many" }, 'MAX_BATCH_SIZE in the environment must be an integer from 1 to 4096, got "many"'],
    [
      ["--output-special-tokens"],
      {},
      "--output-special-tokens=true cannot be honoured: special tokens produce no text",
    ],
  ];
  test.each(rows)("%j %j", (args, environment, message) => {
    expect(refusal(args, environment)).toBe(message);
  });

  const files: [content: string, message: string | RegExp][] = [
    ['{ "maxSlot": 3 }', "unknown key maxSlot in settings.json; did you mean maxSlots?"],
    ['{ "max-slots": 3 }', "unknown key max-slots in settings.json; did you mean maxSlots?"],
    ['{ "config": "other.json" }', "unknown key config in settings.json"],
    ['{ "maxSlots": 0 }', 'maxSlots in settings.json must be an integer from 1 to 4096, got "0"'],
    ['{ "maxSlots": [3] }', "maxSlots in settings.json must be text, a number or a boolean, got [3]"],
    ['{ "maxSlots": null }', "maxSlots in settings.json must be text, a number or a boolean, got null"],
    ["[]", "settings.json must hold one JSON object"],
    ["{", /^settings\.json is not valid JSON: /],
  ];
  test.each(files)("a file with %j", (content, message) => {
    expect(refusal(["--config", file(content)])).toEqual(
      typeof message === "string" ? message : expect.stringMatching(message),
    );
  });

  test("a file that is not there", () => {
    expect(refusal(["--config", join(folder, "none.json")])).toMatch(
      /^--config must name a file that can be read: ENOENT/,
    );
  });
});

describe("foreign settings", () => {
  test("known ones without a meaning here give one warning each", () => {
    const { warnings } = load(["--num-shard", "2"], { RUNTIME_METRICS_PORT: "8086", QUANTIZE: "" });
    expect(warnings).toEqual([
      "--num-shard=2 is ignored: one process computes on all threads",
      "RUNTIME_METRICS_PORT=8086 is ignored: metrics are on --health-port",
    ]);
  });

  test("a value that asks for what happens anyway is passed over in silence", () => {
    const environment = { RUNTIME_METRICS_ENABLED: "true", OUTPUT_SPECIAL_TOKENS: "False" };
    expect(load(["--num-shard=1"], environment).warnings).toEqual([]);
  });

  test("no foreign name is one of ours", () => {
    const ours = Object.entries<OptionTable[string]>(settings).flatMap(([key, option]) => [
      flagName(key),
      ...environmentNames(key, option),
      ...(option.aliases ?? []).flatMap(({ flag }) => flag ?? []),
    ]);
    expect(foreignSettings.flatMap(({ flag, env }) => [flag, env]).filter((name) => ours.includes(name ?? ""))).toEqual(
      [],
    );
  });
});

test("a variable that Kubernetes made from a Service's name is neither a value nor worth a warning", () => {
  const { values, warnings } = load([], {
    ORTLER_GRPC_PORT: "tcp://10.0.0.7:8085",
    ORTLER_SERVICE_HOST: "10.0.0.7",
    ORTLER_SERVICE_PORT_H2C: "8085",
    ORTLER_PORT_8085_TCP_ADDR: "10.0.0.7",
  });
  expect({ grpcPort: values.grpcPort, warnings }).toEqual({ grpcPort: undefined, warnings: [] });
});

test("a variable with our prefix that means nothing gives a warning with the likely name", () => {
  expect(load([], { ORTLER_MAX_SLOT: "3" }).warnings).toEqual([
    "ORTLER_MAX_SLOT in the environment is no setting; did you mean ORTLER_MAX_SLOTS?",
  ]);
});

test("what is no flag, and everything after --, is positional", () => {
  expect(load(["a", "-", "--spin", "--", "--max-slots"]).positionals).toEqual(["a", "-", "--max-slots"]);
});
